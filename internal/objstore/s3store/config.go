package s3store

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/millrace-io/millrace/internal/objstore"
)

// Config says which bucket, and where it is.
type Config struct {
	Bucket string
	// Prefix is put before every key; "" or ending with '/'.
	Prefix string
	// Endpoint is the server's URL, such as "http://127.0.0.1:7070"; "" for Amazon's.
	Endpoint string
	// Region is the one to sign for. "" makes New ask Amazon, and is "us-east-1" at another endpoint.
	Region string
	// PathStyle puts the bucket into the path, not into the host name.
	PathStyle bool
}

// regionElsewhere is what servers other than Amazon's nearly always sign for, unless told otherwise.
const regionElsewhere = "us-east-1"

// ConfigFromURL reads s3://bucket/prefix?endpoint=…&region=…&path-style=true|false. What the URL leaves out comes from
// the environment: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, and AWS_REGION or AWS_DEFAULT_REGION. With an endpoint,
// path style is the default.
func ConfigFromURL(u *url.URL, getenv func(string) string) (Config, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Config{}, err
	}
	for name := range query {
		if name != "endpoint" && name != "region" && name != "path-style" {
			return Config{}, fmt.Errorf("an s3 bucket URL has no option %q; there are endpoint, region and path-style", name)
		}
	}
	if u.Host == "" || u.User != nil {
		return Config{}, fmt.Errorf("write s3://BUCKET/PREFIX, without credentials: those come from the environment (AWS_ACCESS_KEY_ID and so on)")
	}
	c := Config{
		Bucket:   u.Host,
		Endpoint: firstOf(query.Get("endpoint"), getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL")),
		Region:   firstOf(query.Get("region"), getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")),
	}
	if c.Prefix = strings.Trim(u.Path, "/"); c.Prefix != "" {
		if err := objstore.CheckKey(c.Prefix); err != nil {
			return Config{}, fmt.Errorf("the prefix %q is no good key: %w", c.Prefix, err)
		}
		c.Prefix += "/"
	}
	switch style := query.Get("path-style"); style {
	case "":
		c.PathStyle = c.Endpoint != ""
	case "true", "false":
		c.PathStyle = style == "true"
	default:
		return Config{}, fmt.Errorf("path-style=%s: write true or false", style)
	}
	return c, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// url gives back the bucket URL.
func (c Config) url() string {
	query := url.Values{}
	if c.Endpoint != "" {
		query.Set("endpoint", c.Endpoint)
	}
	if c.Region != "" {
		query.Set("region", c.Region)
	}
	if c.PathStyle != (c.Endpoint != "") {
		query.Set("path-style", fmt.Sprint(c.PathStyle))
	}
	u := url.URL{Scheme: "s3", Host: c.Bucket, Path: "/" + strings.TrimSuffix(c.Prefix, "/"), RawQuery: query.Encode()}
	return u.String()
}

// host gives what minio-go calls an endpoint.
func (c Config) host() (host string, secure bool, err error) {
	if c.Endpoint == "" {
		return "s3.amazonaws.com", true, nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return "", false, fmt.Errorf("the endpoint %q must be http://HOST:PORT or https://HOST:PORT", c.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}
