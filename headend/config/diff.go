package config

import "strings"

// Change is one difference between two configurations.
type Change struct {
	Path string `json:"path"` // "channels[news].inputs[0].url"
	Kind string `json:"kind"` // "added", "removed", "changed", "moved"
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// FieldError says what is wrong with one field and what was expected.
type FieldError struct {
	Path string `json:"path"` // as in Change
	Text string `json:"text"`
}

func (e FieldError) Error() string { return e.Path + ": " + e.Text }

// FieldErrors is every error of a configuration.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	var s []string
	for _, f := range e {
		s = append(s, f.Error())
	}
	return strings.Join(s, "\n")
}
