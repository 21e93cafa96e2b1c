package control

import (
	"errors"
	"fmt"
)

// ErrorCode names a kind of error. It is stable: clients of the API rely on it.
type ErrorCode string

// The kinds of error.
const (
	CodeNotFound    ErrorCode = "not_found"
	CodeConflict    ErrorCode = "conflict"    // somebody else committed meanwhile, or it is there already
	CodeForbidden   ErrorCode = "forbidden"   // the role does not suffice
	CodeInvalid     ErrorCode = "invalid"     // Fields says what, where it is a field
	CodeCredentials ErrorCode = "credentials" // wrong name, password, key, token or code
	CodeLocked      ErrorCode = "locked"      // too many failures: wait
	CodeNotApplied  ErrorCode = "not_applied" // valid, but this machine cannot run it; what ran goes on
	CodeUnavailable ErrorCode = "unavailable" // the box cannot do it now: busy, or the database fails
)

// Error is what every method of Service answers when it cannot do what was asked.
// errors.Is compares codes, so that errors.Is(err, ErrConflict) holds for each of
// that kind; errors.As finds FieldErrors in it where a field is wrong.
type Error struct {
	Code   ErrorCode
	Text   string
	Fields FieldErrors
	Cause  error
}

// The kinds of error, for errors.Is.
var (
	ErrNotFound    = &Error{Code: CodeNotFound, Text: "not found"}
	ErrConflict    = &Error{Code: CodeConflict, Text: "the configuration was changed by somebody else meanwhile: load it again and repeat the change"}
	ErrForbidden   = &Error{Code: CodeForbidden, Text: "your role does not allow this"}
	ErrInvalid     = &Error{Code: CodeInvalid, Text: "not valid"}
	ErrCredentials = &Error{Code: CodeCredentials, Text: "wrong name or credentials"}
	ErrLocked      = &Error{Code: CodeLocked, Text: "locked after too many failed logins"}
	ErrNotApplied  = &Error{Code: CodeNotApplied, Text: "cannot run on this machine"}
	ErrUnavailable = &Error{Code: CodeUnavailable, Text: "not possible now"}
)

func (e *Error) Error() string {
	s := e.Text
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	switch len(e.Fields) {
	case 0:
	case 1:
		s += ": " + e.Fields.Error()
	default:
		s += ":\n" + e.Fields.Error()
	}
	return s
}

// Is reports whether target is an Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Unwrap returns the fields and the cause, where there are any.
func (e *Error) Unwrap() []error {
	var out []error
	if len(e.Fields) > 0 {
		out = append(out, e.Fields)
	}
	if e.Cause != nil {
		out = append(out, e.Cause)
	}
	return out
}

func notFound(what string, id any) error {
	return &Error{Code: CodeNotFound, Text: fmt.Sprintf("there is no %s %v", what, id)}
}

// invalid wraps what a check found: FieldErrors keep their fields.
func invalid(text string, err error) error {
	e := &Error{Code: CodeInvalid, Text: text}
	if !errors.As(err, &e.Fields) {
		e.Cause = err
	}
	return e
}

func unavailable(err error) error {
	return &Error{Code: CodeUnavailable, Text: "not possible now", Cause: err}
}
