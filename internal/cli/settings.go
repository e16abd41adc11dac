package cli

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// settings parses the repeatable --config key=value.
func settings(pairs []string) (map[string]*string, error) {
	out := make(map[string]*string, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--config %q: want key=value, such as retention.ms=86400000", pair)
		}
		out[key] = &value
	}
	return out, nil
}

// choice is a topic and some of its partitions; none named means all.
type choice struct {
	topic      string
	partitions []int32
}

// choices parses the repeatable --topic name[:partition,…].
func choices(texts []string) ([]choice, error) {
	var out []choice
	for _, text := range texts {
		topic, list, some := strings.Cut(text, ":")
		if topic == "" || some && list == "" {
			return nil, usagef("--topic %q: want topic or topic:0,1,2", text)
		}
		c := choice{topic: topic}
		for _, p := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
			n, err := strconv.ParseInt(p, 10, 32)
			if err != nil || n < 0 {
				return nil, usagef("--topic %q: %q is not a partition number", text, p)
			}
			c.partitions = append(c.partitions, int32(n))
		}
		out = append(out, c)
	}
	return out, nil
}

// Without an offset a moment is UTC, as in Kafka's own tools.
var momentLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02",
}

// parseMoment gives a moment since 1970: a negative timestamp means something else to a broker.
func parseMoment(text string) (time.Time, error) {
	for _, layout := range momentLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.UnixMilli() >= 0 {
			return t, nil
		}
	}
	return time.Time{}, usagef("%q is not a moment: want 2006-01-02T15:04:05Z, or 2006-01-02T15:04:05 for UTC", text)
}

// isoDuration is the part of ISO 8601 that kafka-consumer-groups takes: PnDTnHnMnS.
var isoDuration = regexp.MustCompile(`^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:\.\d{1,3})?)S)?)?$`)

// parseSpan takes a Go duration (90m) or an ISO 8601 one (PT1H30M). It is never negative.
func parseSpan(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	parts := isoDuration.FindStringSubmatch(text)
	if parts == nil || strings.TrimRight(text, "PT") == "" {
		return 0, usagef("%q is not a duration: want 90m, 36h or PT1H30M", text)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.ParseFloat(parts[i+1], 64)
		total += time.Duration(n * float64(unit))
	}
	return total, nil
}
