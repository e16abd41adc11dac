package main

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// applyWorld is a whole state with one agent and one topic.
func applyWorld(partitions int32) (*meta.State, base.TopicID, error) {
	s, topic, rules := meta.New(), base.TopicID{1}, meta.NewRules(nil, nil)
	s.Begin(1, 1_700_000_000_000)
	var p meta.Payload
	register := &admin.Register{Profile: admin.Profile{Kafka: "localhost:9092", Group: "default", Level: meta.FeatureLevel}}
	if err := decide(s, meta.Command{Op: register}, rules, &p); err != nil {
		return nil, topic, err
	}
	create := meta.Command{From: 1, Number: 1, Op: &log.CreateTopic{Name: "t", ID: topic, Partitions: partitions}}
	return s, topic, decide(s, create, rules, &p)
}
