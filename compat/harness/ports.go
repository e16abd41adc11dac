package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports lie below those that systems hand out by themselves (Linux: from 32768): the port of an agent
// that is down, or not yet up, is then never the local end of somebody's connection. Each test process has a block of them
// to itself, as several look for ports at the same time.
const (
	portsFrom = 12000
	blocks    = 40
	blockSize = 500
)

// block is what this process has of the ports: those after first, which it listens on until it ends, so that others see it.
var block = sync.OnceValues(func() (b *portBlock, err error) {
	for _, i := range rand.Perm(blocks) {
		first := portsFrom + i*blockSize
		var l net.Listener
		if l, err = listenLocal(first); err == nil {
			return &portBlock{first: first, held: l}, nil
		}
	}
	return nil, fmt.Errorf("no block of ports of 127.0.0.1 is free: %w", err)
})

type portBlock struct {
	held  net.Listener // on first, for as long as the process lives
	first int
	mu    sync.Mutex
	given int // so far; those given out first come again last
}

// freePorts returns ports of 127.0.0.1 that nobody listened on a moment ago.
func freePorts(count int) ([]string, error) {
	b, err := block()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var ports []string
	for tries := 0; len(ports) < count; tries++ {
		if tries == blockSize-1 {
			return nil, fmt.Errorf("only %d of %d ports are free among %d and the %d after it", len(ports), count, b.first, blockSize-1)
		}
		port := b.first + 1 + b.given%(blockSize-1)
		b.given++
		l, err := listenLocal(port)
		if err != nil {
			continue // an agent that runs
		}
		l.Close()
		ports = append(ports, strconv.Itoa(port))
	}
	return ports, nil
}

func listenLocal(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
