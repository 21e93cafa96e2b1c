package page

import "sigma/headend/control"

// sentinels are the errors of control that have words in the catalogue, by key.
func sentinels() map[string]error {
	return map[string]error{
		"error.forbidden":   control.ErrForbidden,
		"error.conflict":    control.ErrConflict,
		"error.credentials": control.ErrCredentials,
		"error.locked":      control.ErrLocked,
	}
}
