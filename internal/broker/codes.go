package broker

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// codePlan says where in a struct of kmsg error codes stand. It is worked out once for each kind of response: to look at every
// field of every partition takes longer than to answer some of them.
type codePlan []codeStep

// codeStep is a field that is an error code, or a struct or a list of structs that hold some.
type codeStep struct {
	field int
	list  bool
	in    codePlan // nil: the field is a code
}

func planCodes(t reflect.Type) codePlan {
	var plan codePlan
	for i := range t.NumField() {
		step, of := codeStep{field: i}, t.Field(i).Type
		if of.Kind() == reflect.Slice {
			step.list, of = true, of.Elem()
		}
		switch {
		case of.Kind() == reflect.Int16 && !step.list && t.Field(i).Name == "ErrorCode":
			plan = append(plan, step)
		case of.Kind() == reflect.Struct:
			if step.in = planCodes(of); step.in != nil {
				plan = append(plan, step)
			}
		}
	}
	return plan
}

// count adds up the error codes of an answer, wherever they stand in it, and gives the first.
func (s *counters) count(response kmsg.Response) (first int16) {
	v := reflect.ValueOf(response).Elem()
	plan, ok := s.plans.Load(v.Type())
	if !ok {
		plan, _ = s.plans.LoadOrStore(v.Type(), planCodes(v.Type()))
	}
	s.walk(v, plan.(codePlan), &first)
	return first
}

func (s *counters) walk(v reflect.Value, plan codePlan, first *int16) {
	for _, step := range plan {
		f := v.Field(step.field)
		switch {
		case step.list:
			for i := range f.Len() {
				s.walk(f.Index(i), step.in, first)
			}
		case step.in != nil:
			s.walk(f, step.in, first)
		default:
			code := int16(f.Int())
			s.code(code)
			if *first == 0 {
				*first = code
			}
		}
	}
}

// codesOf lists the one error code of an answer, if it is one.
func codesOf(code int16) []int16 {
	if code == 0 {
		return nil
	}
	return []int16{code}
}
