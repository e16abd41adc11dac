package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/bench/rig"
)

// idler is a cluster with one idle consumer group attached.
type idler struct {
	what   string
	agents []*rig.Agent
	most   float64
}

// idle counts what clusters that have nothing to do ask of the bucket. All are watched at once: they do next to nothing.
func (b *bench) idle() error {
	s3, err := b.rig.StartS3()
	if err != nil {
		return err
	}
	var all []*idler
	for _, on := range []string{"file", "s3"} {
		for _, shape := range []struct {
			agents int
			flags  []string
			most   float64
		}{{1, nil, 10}, {3, []string{"--peer=off"}, 30}} {
			url := ""
			if on == "file" {
				if url, _, err = b.rig.FileBucket(); err != nil {
					return err
				}
			} else {
				url = s3.URL(fmt.Sprintf("idle-%d", shape.agents))
			}
			i, err := b.startIdler(url, shape.agents, shape.flags)
			if err != nil {
				return err
			}
			i.what = strings.TrimSpace(fmt.Sprintf("%s, %d agent(s) %s", on, shape.agents, strings.Join(shape.flags, " ")))
			i.most = shape.most
			all = append(all, i)
		}
	}
	return b.watchIdlers(all)
}

func (b *bench) watchIdlers(all []*idler) error {
	time.Sleep(b.settle)
	before := make([]map[string]float64, len(all))
	var err error
	for i, c := range all {
		if before[i], err = c.requests(); err != nil {
			return err
		}
	}
	time.Sleep(b.watch)
	for i, c := range all {
		after, err := c.requests()
		if err != nil {
			return err
		}
		var total float64
		var parts []string
		for _, op := range slices.Sorted(maps.Keys(after)) {
			if n := after[op] - before[i][op]; n > 0 {
				total += n
				parts = append(parts, fmt.Sprintf("%s %.1f", op, n/b.watch.Minutes()))
			}
		}
		b.report.Add(rig.Row{Section: "idle", What: c.what, Value: total / b.watch.Minutes(), Unit: "requests/min", Most: c.most, Note: strings.Join(parts, ", ")})
	}
	b.report.Remark("Idle: get is a look at the next slot of the journal, put-if-absent a renewal of an agent's registration. The clock of a file bucket\n" +
		"or of an S3 server behind an endpoint of one's own is not taken for steady, so an entry read or written there costs a listing (rule R,\n" +
		"method a). On AWS the Date of the answer does (method b), so that it counts fewer.")
	return nil
}

func (b *bench) startIdler(url string, agents int, flags []string) (*idler, error) {
	c := &idler{}
	var seeds []string
	for range agents {
		a, _, err := b.rig.Start(url, flags...)
		if err != nil {
			return nil, err
		}
		c.agents, seeds = append(c.agents, a), append(seeds, a.Kafka)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.ConsumerGroup("idle"), kgo.ConsumeTopics("empty"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.rig.Later(func() {
		cancel()
		client.Close()
	})
	if err := createTopic(ctx, client, "empty", 1); err != nil {
		return nil, err
	}
	go func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx)
		}
	}()
	return c, nil
}

func createTopic(ctx context.Context, client *kgo.Client, name string, partitions int32) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := kadm.NewClient(client).CreateTopic(ctx, partitions, -1, nil, name)
	return err
}

// requests adds up those of all agents.
func (c *idler) requests() (map[string]float64, error) {
	sum := map[string]float64{}
	for _, a := range c.agents {
		counts, err := a.Requests()
		if err != nil {
			return nil, err
		}
		for op, n := range counts {
			sum[op] += n
		}
	}
	if len(sum) == 0 {
		return nil, errors.New("/metrics shows no requests to the store")
	}
	return sum, nil
}
