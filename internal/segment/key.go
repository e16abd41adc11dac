package segment

import "github.com/millrace-io/millrace/internal/base"

// Prefix is where data files lie in the bucket.
const Prefix = "data/"

// Key is the key of a data file. The two characters before the name spread the request limits of stores that count by
// prefix: they come from its last, random byte.
func Key(ref base.FileRef) string {
	const hex = "0123456789abcdef"
	last := ref.ID[len(ref.ID)-1]
	return Prefix + string([]byte{hex[last>>4], hex[last&15]}) + "/" + ref.ID.String()
}
