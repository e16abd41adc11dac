package s3test_test

import (
	"net/http"
	"testing"

	"github.com/millrace-io/millrace/internal/objstore/s3test"
)

// answers reports whether somebody answers at a server's endpoint.
func answers(s *s3test.Server) bool {
	res, err := http.Get(s.Endpoint)
	if err != nil {
		return false
	}
	res.Body.Close()
	return true
}

func TestAServerLivesUntilItIsStopped(t *testing.T) {
	first := s3test.Start(t)
	second := first.Another(t)
	if !answers(first) || !answers(second) {
		t.Fatal("a started server does not answer")
	}
	first.Stop()
	first.Stop()
	if answers(first) || !answers(second) {
		t.Error("Stop must end the one server, and no other")
	}
}

func TestAServerEndsWithItsTest(t *testing.T) {
	var server *s3test.Server
	t.Run("inner", func(t *testing.T) { server = s3test.Start(t) })
	if answers(server) {
		t.Error("the server outlives its test")
	}
}
