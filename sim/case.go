package sim

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Case is a run that broke a promise once, written down so that it is run again. On disk it is a line for each field:
//
//	found: duplicate
//	said: p1/0/11 is at 0/80 and at 116
//	plant: a snapshot lacks producers' sequence numbers
//	seed: 1
//	agents: 2
//	chaos: 30s
//	steps: 3 7
//
// "steps: none" is a torment without steps; fields that are zero are left out.
type Case struct {
	Found   string // the check
	Said    string
	Plant   string // the bug that was planted; empty: it was a bug of the product, fixed since
	Options Options
}

// Regressions is where cases are kept, from the module's root.
const Regressions = "sim/testdata/regressions"

// ReadCase reads a file.
func ReadCase(path string) (Case, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Case{}, err
	}
	c, err := parseCase(string(text))
	if err != nil {
		return Case{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Write writes the case into a folder and gives the file's name, which comes from what was found and where.
func (c *Case) Write(folder string) (string, error) {
	name := fmt.Sprintf("%s-seed-%d", c.Found, c.Options.Seed)
	if c.Plant != "" {
		name = "planted-" + slug(c.Plant)
	}
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(c.String()), 0o644)
}

// slug makes a file's name of words.
func slug(words string) string {
	words = strings.ReplaceAll(strings.ToLower(words), "'", "")
	parts := strings.FieldsFunc(words, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(parts, "-")
}

func (c *Case) String() string {
	var b strings.Builder
	eachField(reflect.ValueOf(c).Elem(), "", func(name string, v reflect.Value) bool {
		if text := formatField(v); text != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, text)
		}
		return true
	})
	return b.String()
}

func parseCase(text string) (Case, error) {
	var c Case
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ": ")
		if !ok {
			return c, fmt.Errorf("%q is not \"name: value\"", lines.Text())
		}
		err := fmt.Errorf("a run has no %q", name)
		eachField(reflect.ValueOf(&c).Elem(), "", func(n string, v reflect.Value) bool {
			if n == name {
				err = parseField(v, value)
			}
			return n != name
		})
		if err != nil {
			return c, err
		}
	}
	return c, lines.Err()
}

// eachField visits what can be written down of a struct, and of the structs in it, until visit says false: the rest of
// Options is functions.
func eachField(s reflect.Value, prefix string, visit func(name string, v reflect.Value) bool) bool {
	for i := range s.NumField() {
		field := s.Type().Field(i)
		name := prefix + strings.ToLower(field.Name[:1]) + field.Name[1:]
		switch v := s.Field(i); {
		case !field.IsExported():
		case v.Kind() == reflect.Struct:
			if name = strings.TrimPrefix(name+".", "options."); !eachField(v, name, visit) {
				return false
			}
		case v.Kind() == reflect.Func || v.Kind() == reflect.Interface:
		case !visit(name, v):
			return false
		}
	}
	return true
}

// formatField gives a field's text; "" if it is zero.
func formatField(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, " ")
	case []int:
		if x != nil && len(x) == 0 {
			return "none"
		}
		return strings.Trim(fmt.Sprint(x), "[]")
	}
	if v.IsZero() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func parseField(v reflect.Value, text string) error {
	var err error
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *int:
		*p, err = strconv.Atoi(text)
	case *int64:
		*p, err = strconv.ParseInt(text, 10, 64)
	case *uint64:
		*p, err = strconv.ParseUint(text, 10, 64)
	case *time.Duration:
		*p, err = time.ParseDuration(text)
	case *[]string:
		*p = strings.Fields(text)
		for _, part := range *p {
			if !slices.Contains(Parts(), part) {
				err = fmt.Errorf("a run has no part %q", part)
			}
		}
	case *[]int:
		*p, err = parseInts(text)
	default:
		err = fmt.Errorf("a field of type %v is not written down", v.Type())
	}
	return err
}

func parseInts(text string) ([]int, error) {
	list := []int{}
	if text == "none" {
		return list, nil
	}
	for _, word := range strings.Fields(text) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}
