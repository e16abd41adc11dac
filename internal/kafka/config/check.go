package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
)

// check looks at one parsed value by itself; its error is InvalidConfig with Kafka's text.
type check func(name string, v Value) error

// atLeast and between bound a number, both ends included.
func atLeast(low float64) check {
	return func(name string, v Value) error {
		if v.number() < low {
			return invalid(name, v.shown(), "Value must be at least "+plain(low))
		}
		return nil
	}
}

func between(low, high float64) check {
	return func(name string, v Value) error {
		if err := atLeast(low)(name, v); err != nil {
			return err
		}
		if v.number() > high {
			return invalid(name, v.shown(), "Value must be no more than "+plain(high))
		}
		return nil
	}
}

// number is exact for every bound in the tables: all of them are whole and far below 2^53.
func (v Value) number() float64 {
	if v.typ == Double {
		return v.dbl
	}
	return float64(v.num)
}

func plain(f float64) string { return fmt.Sprintf("%.0f", f) }

// oneOf allows some strings; their order is that of Kafka's error text.
func oneOf(allowed ...string) check {
	return func(name string, v Value) error {
		if !slices.Contains(allowed, v.str) {
			return invalid(name, v.shown(), "String must be one of: "+strings.Join(allowed, ", "))
		}
		return nil
	}
}

// oneOfFold is oneOf that does not care for case.
func oneOfFold(allowed ...string) check {
	return func(name string, v Value) error {
		for _, a := range allowed {
			if strings.EqualFold(a, v.str) {
				return nil
			}
		}
		return invalid(name, v.shown(), "String must be one of (case insensitive): "+strings.Join(allowed, ", "))
	}
}

// distinct allows lists whose elements are given once and are not empty (KIP-1161), out of allowed if there is any.
func distinct(emptyOK bool, allowed ...string) check {
	return func(name string, v Value) error {
		if !emptyOK && len(v.list) == 0 {
			return base.Errorf(base.InvalidConfig, "Configuration '%s' must not be empty. Valid values include: %s", name, choices(allowed))
		}
		for i, e := range v.list {
			if slices.Contains(v.list[:i], e) {
				return base.Errorf(base.InvalidConfig, "Configuration '%s' values must not be duplicated.", name)
			}
		}
		return eachOf(name, v, allowed)
	}
}

func eachOf(name string, v Value, allowed []string) error {
	for _, e := range v.list {
		if e == "" {
			return base.Errorf(base.InvalidConfig, "Configuration '%s' values must not be empty.", name)
		}
		if len(allowed) > 0 && !slices.Contains(allowed, e) {
			return invalid(name, e, "String must be one of: "+strings.Join(allowed, ", "))
		}
	}
	return nil
}

func choices(allowed []string) string {
	if len(allowed) == 0 {
		return "any non-empty value"
	}
	return "[" + strings.Join(allowed, ", ") + "]"
}

// gzipLevel is the codec's range with a hole: -1 stands for the codec's own choice.
func gzipLevel(name string, v Value) error {
	if v.num != -1 && (v.num < 1 || v.num > 9) {
		return invalid(name, v.shown(), "Value must be between 1 and 9 or equal to -1")
	}
	return nil
}

var partitionReplica = regexp.MustCompile(`^[0-9]+:[0-9]+$`)

// throttledReplicas is "*" or a list of partition:replica, in which Kafka overlooks empty elements.
func throttledReplicas(name string, v Value) error {
	trimmed := make([]string, len(v.list))
	wellFormed := true
	for i, e := range v.list {
		trimmed[i] = trim(e)
		wellFormed = wellFormed && (trimmed[i] == "" || partitionReplica.MatchString(trimmed[i]))
	}
	if wellFormed || strings.Join(trimmed, "") == "*" {
		return nil
	}
	return invalid(name, v.shown(), name+" must be the literal '*' or a list of replicas in the following format: "+
		"[partitionId]:[brokerId],[partitionId]:[brokerId],...")
}
