package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// credentialsTimeout bounds the first search for credentials, which may ask a machine's metadata service that is not
// there.
const credentialsTimeout = 5 * time.Second

var errNoCredentials = errors.New("no credentials for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role")

// findCredentials looks where every S3 tool looks, in the usual order, and fails if there is nothing to be found.
func findCredentials(ctx context.Context) (*credentials.Credentials, error) {
	creds := credentials.New(provider{&credentials.Chain{Providers: []credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
		&credentials.IAM{},
	}}})
	client := &http.Client{Timeout: credentialsTimeout}
	if _, err := creds.GetWithContext(&credentials.CredContext{Client: client, Context: ctx}); err != nil {
		return nil, err
	}
	return creds, nil
}

// provider fails where minio-go's chain gives anonymous credentials. When a role's credentials are renewed and the
// metadata service is briefly away, an anonymous request would be refused for good (403); so it is not made at all.
type provider struct{ *credentials.Chain }

// RetrieveWithCredContext implements credentials.Provider.
func (p provider) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	value, err := p.Chain.RetrieveWithCredContext(cc)
	if err != nil {
		return value, fmt.Errorf("%w (%w)", errNoCredentials, err)
	}
	if value.SignerType.IsAnonymous() {
		return value, errNoCredentials
	}
	return value, nil
}

// Retrieve implements credentials.Provider.
func (p provider) Retrieve() (credentials.Value, error) { return p.RetrieveWithCredContext(nil) }
