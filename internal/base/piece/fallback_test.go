package piece

import (
	"bytes"
	"io"
	"os"
	"syscall"
	"testing"
)

// unsendable is a file that the kernel refuses to send, as those of some file systems are: its descriptor is that of a pipe, which
// sendfile answers with EINVAL.
type unsendable struct {
	io.ReaderAt
	syscall.Conn
}

// What the kernel refuses to send is copied; what comes after it is another file's matter.
func TestKernelCannotSendTheFile(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	b := content(700_000)
	f := fileOf(t, b)
	client, server := tcp(t)
	done := make(chan error, 1)
	go func() {
		refused := unsendable{bytes.NewReader(b), r}
		done <- List{Of(b[:10]), In(refused, 10, 299_990), In(f, 300_000, 100_000), In(refused, 400_000, len(b)-400_000)}.WriteTo(server, 256<<10, func() {})
		_ = server.Close()
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, b) {
		t.Errorf("%d bytes came of %d, %v", len(got), len(b), err)
	}
	if err := <-done; err != nil {
		t.Errorf("%v", err)
	}
}
