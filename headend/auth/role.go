// Package auth owns who may do what: roles, password hashes, SSH keys and tokens.
// It keeps nothing itself and opens no door.
package auth

import "fmt"

// Role is what an operator may do. A higher role may do all that a lower may.
type Role uint8

// The roles, least first.
const (
	Nobody   Role = iota
	Viewer        // sees everything but secrets
	Operator      // changes channels, switches inputs, acknowledges alarms
	Admin         // changes users, tokens and the box itself
)

var roleNames = [...]string{"nobody", "viewer", "operator", "admin"}

func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// MarshalText writes the name of the role.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the name of a role.
func (r *Role) UnmarshalText(b []byte) error {
	for i, n := range roleNames {
		if n == string(b) {
			*r = Role(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a role: expected viewer, operator or admin", b)
}
