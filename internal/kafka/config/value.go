package config

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
)

// Value is a parsed value. Only the accessor that suits its type says anything.
type Value struct {
	typ  Type
	num  int64
	dbl  float64
	str  string
	list []string
}

// Int is the value of a Short, Int or Long.
func (v Value) Int() int64 { return v.num }

// Float is the value of a Double.
func (v Value) Float() float64 { return v.dbl }

// Bool is the value of a Boolean.
func (v Value) Bool() bool { return v.num != 0 }

// List is the value of a List; not to be changed.
func (v Value) List() []string { return v.list }

// String gives the value as Kafka's describe shows it.
func (v Value) String() string {
	switch v.typ {
	case Boolean:
		return strconv.FormatBool(v.Bool())
	case Short, Int, Long:
		return strconv.FormatInt(v.num, 10)
	case Double:
		return javaDouble(v.dbl)
	case List:
		return strings.Join(v.list, ",")
	default:
		return v.str
	}
}

// shown is the value inside an error text, where Kafka prints a list in brackets.
func (v Value) shown() string {
	if v.typ == List {
		return "[" + strings.Join(v.list, ", ") + "]"
	}
	return v.String()
}

// invalid is Kafka's text for a value that cannot be.
func invalid(name, value, why string) error {
	return base.Errorf(base.InvalidConfig, "Invalid value %s for configuration %s: %s", value, name, why)
}

// parseType reads a value as Kafka's ConfigDef does: blanks around it do not count; numbers have the grammar of Java.
func parseType(name, raw string, t Type) (Value, error) {
	s := trim(raw)
	switch t {
	case Boolean:
		return parseBool(name, raw, s)
	case Short, Int, Long:
		n, err := strconv.ParseInt(s, 10, intBits(t))
		if err != nil {
			return Value{}, invalid(name, raw, "Not a number of type "+t.String())
		}
		return Value{typ: t, num: n}, nil
	case Double:
		f, ok := parseDouble(s)
		if !ok {
			return Value{}, invalid(name, raw, "Not a number of type DOUBLE")
		}
		return Value{typ: t, dbl: f}, nil
	case List:
		return Value{typ: t, list: splitList(s)}, nil
	default:
		return Value{typ: t, str: s}, nil
	}
}

func parseBool(name, raw, s string) (Value, error) {
	switch {
	case strings.EqualFold(s, "true"):
		return Value{typ: Boolean, num: 1}, nil
	case strings.EqualFold(s, "false"):
		return Value{typ: Boolean}, nil
	}
	return Value{}, invalid(name, raw, "Expected value to be either true or false")
}

func intBits(t Type) int {
	switch t {
	case Short:
		return 16
	case Int:
		return 32
	default:
		return 64
	}
}

// trim drops what Java's String.trim drops: everything up to and including the blank.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

var listComma = regexp.MustCompile(`[ \t\n\v\f\r]*,[ \t\n\v\f\r]*`)

// splitList keeps empty elements, so that "a,,b" is refused by those checks that care.
func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return listComma.Split(s, -1)
}

func withoutRepeats(list []string) []string {
	var out []string
	for _, e := range list {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// javaNumber is the grammar of Double.parseDouble.
var javaNumber = regexp.MustCompile(`^[+-]?(NaN|Infinity|(` +
	`([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|` +
	`0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?)$`)

// parseDouble reads a number as Java does: "inf" and "1_0" are none, "1d" is one, too large ones are infinite.
func parseDouble(s string) (float64, bool) {
	if !javaNumber.MatchString(s) {
		return 0, false
	}
	// The suffix is Java's; no other form ends in one of these. A number out of range comes back infinite, as in Java.
	f, _ := strconv.ParseFloat(strings.TrimRight(s, "fFdD"), 64)
	return f, true
}

// javaDouble prints a number as Java's Double.toString does: plain from 0.001 to 10 million, else with an exponent.
func javaDouble(f float64) string {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case a == 0 || a >= 1e-3 && a < 1e7:
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(n)
}
