package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
)

// lineRequests bounds what a client has under way on one connection.
const lineRequests = 64

// answerMax bounds the size of an answer: no client here asks for more.
const answerMax = 16 << 20

// line is one Kafka connection of a client to an agent. Answers come in the order of the requests.
type line struct {
	k        *kafka
	addr     string
	net      net.Conn
	versions map[int16][2]int16 // what the agent serves, by key
	out      *env.Queue[*exchange]
	unsent   int
	waiting  []*exchange // sent, oldest first
	next     int32
	closed   bool
	session  session
}

// exchange is one request and its answer to be; nil: none will come.
type exchange struct {
	request kmsg.Request
	id      int32
	answer  *env.Future[kmsg.Response]
}

var errLine = base.Errorf(base.Stopping, "the connection broke")

// dial connects and asks what the agent serves; nil if that fails.
func (k *kafka) dial(addr string) *line {
	nc, err := k.p.Dial(addr, dialMax)
	if err != nil {
		return nil
	}
	l := &line{k: k, addr: addr, net: nc, versions: map[int16][2]int16{18: {0, 3}}, out: env.NewQueue[*exchange](k.p, lineRequests)}
	k.p.Go("line out", l.write)
	k.p.Go("line in", l.read)
	r := kmsg.NewPtrApiVersionsRequest()
	r.ClientSoftwareName, r.ClientSoftwareVersion = "simulated", "1"
	a, err := exchangeOn[*kmsg.ApiVersionsResponse](l, r)
	if err != nil {
		return nil
	}
	if a.ErrorCode != 0 {
		k.c.audit.violated(CheckProtocol, "%v: ApiVersions: error %d", l, a.ErrorCode)
		l.close(errLine)
		return nil
	}
	for _, v := range a.ApiKeys {
		l.versions[v.ApiKey] = [2]int16{v.MinVersion, v.MaxVersion}
	}
	k.c.marks.Hit(ClientConnected)
	return l
}

// version is the one that a client of this age speaks: the newest, or one from the middle of those that are served.
func (l *line) version(r kmsg.Request) int16 {
	served := l.versions[r.Key()]
	if l.k.old {
		return (served[0] + served[1] + 1) / 2
	}
	return min(served[1], r.MaxVersion())
}

// ask sends a request; its answer is set in time, or never.
func (l *line) ask(r kmsg.Request) *env.Future[kmsg.Response] {
	x := &exchange{request: r, answer: env.NewFuture[kmsg.Response](l.k.p)}
	r.SetVersion(l.version(r))
	if l.closed || !l.out.TryPush(x) {
		x.answer.Set(nil, errLine)
	}
	return x.answer
}

// tell sends a request that has no answer. Whether it arrives nobody knows.
func (l *line) tell(r kmsg.Request) {
	r.SetVersion(l.version(r))
	if !l.closed {
		l.out.TryPush(&exchange{request: r})
	}
}

// exchangeOn sends a request and waits for its answer. As any client's, a connection that does not answer in time is
// closed.
func exchangeOn[R kmsg.Response](l *line, r kmsg.Request) (R, error) {
	return exchangeFor[R](l, r, requestTimeout)
}

func exchangeFor[R kmsg.Response](l *line, r kmsg.Request, d time.Duration) (R, error) {
	var none R
	response, err := l.ask(r).Wait(l.k.p.Now().Add(d))
	l.k.c.requests++
	l.k.c.w.Logf("%s at %s: %v", kmsg.NameForKey(r.Key()), l.addr, err)
	if err != nil {
		l.close(errLine)
		return none, err
	}
	return response.(R), nil
}

// write sends what is asked for, in order.
func (l *line) write() {
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID(l.k.p.Name()))
	for {
		x, err := l.out.Pop(time.Time{})
		if err != nil {
			return
		}
		l.next++
		x.id = l.next
		if x.answer != nil {
			l.waiting = append(l.waiting, x)
		}
		if _, err := l.net.Write(format.AppendRequest(nil, x.request, x.id)); err != nil {
			l.close(errLine)
		}
	}
}

// read takes the answers in.
func (l *line) read() {
	for !l.closed {
		id, body, err := l.frame()
		if err != nil {
			l.close(errLine)
			return
		}
		if len(l.waiting) == 0 || l.waiting[0].id != id {
			l.k.c.audit.violated(CheckProtocol, "%s got answer %d of %s out of turn", l.k.p.Name(), id, l.addr)
			l.close(errLine)
			return
		}
		x := l.waiting[0]
		l.waiting = l.waiting[1:]
		response := x.request.ResponseKind()
		if response.IsFlexible() && response.Key() != 18 {
			body = body[1:]
		}
		if err := response.ReadFrom(body); err != nil {
			l.k.c.audit.violated(CheckProtocol, "%s cannot read a %T of version %d: %v", l.k.p.Name(), response, response.GetVersion(), err)
		}
		x.answer.Set(response, nil)
	}
}

var errFrame = errors.New("an answer of impossible size")

func (l *line) frame() (id int32, body []byte, err error) {
	var size [4]byte
	if _, err := io.ReadFull(l.net, size[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 5 || n > answerMax {
		l.k.c.audit.violated(CheckProtocol, "%s was sent an answer of %d bytes by %s", l.k.p.Name(), n, l.addr)
		return 0, nil, errFrame
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(l.net, frame); err != nil {
		return 0, nil, err
	}
	return int32(binary.BigEndian.Uint32(frame)), frame[4:], nil
}

// close ends the connection; what waits learns that there will be no answer.
func (l *line) close(err error) {
	if l.closed {
		return
	}
	l.closed = true
	_ = l.net.Close()
	l.out.Close()
	for x, ok := l.out.TryPop(); ok; x, ok = l.out.TryPop() {
		if x.answer != nil {
			l.waiting = append(l.waiting, x)
		}
	}
	list := l.waiting
	l.waiting = nil
	for _, x := range list {
		x.answer.Set(nil, err)
	}
}

func (l *line) String() string { return fmt.Sprintf("%s to %s", l.k.p.Name(), l.addr) }
