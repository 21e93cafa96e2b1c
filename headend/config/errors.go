package config

import (
	"fmt"
	"strings"
)

// FieldError says what is wrong with one field and what was expected.
type FieldError struct {
	Path   string `json:"path"` // as in Change
	Text   string `json:"text"`
	Line   int    `json:"line,omitempty"`   // of the text form, from 1; 0 when there is none
	Column int    `json:"column,omitempty"` // of the text form, from 1
}

func (e FieldError) Error() string {
	s := e.Text
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, s)
	}
	return s
}

// FieldErrors is every error of a configuration.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	var s []string
	for _, f := range e {
		s = append(s, f.Error())
	}
	return strings.Join(s, "\n")
}
