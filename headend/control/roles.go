package control

import (
	"fmt"

	"sigma/headend/auth"
)

// rule says who may call a method.
type rule struct {
	least Role
	own   bool // any viewer may, for their own account
}

// rules returns the rule of every method that takes an actor: the one place where
// it is decided who may do what.
func rules() map[string]rule {
	viewer, operator, admin := rule{least: auth.Viewer}, rule{least: auth.Operator}, rule{least: auth.Admin}
	own := rule{least: auth.Admin, own: true}
	return map[string]rule{
		"Config": viewer, "Revisions": viewer, "Revision": viewer, "RevisionText": viewer, "Diff": viewer, "Validate": viewer, "Export": viewer,
		"Snapshot": viewer, "ChannelStatus": viewer, "Alarms": viewer, "AlarmHistory": viewer,
		"System": viewer, "Interfaces": viewer, "Events": viewer, "Watch": viewer,
		"Users": viewer, // only their own account, below admin

		"Propose": operator, "Commit": operator, "Restore": operator, // changes of Box: admin
		"Parse": operator, "ExportSecrets": operator, "Log": operator,
		"SelectInput": operator, "RestartChannel": operator, "AckAlarm": operator,

		"PutUser": own, "SetPassword": own, "AddKey": own, "DeleteKey": own,
		"DeleteUser": admin, "UnlockUser": admin,
		"Tokens": admin, "CreateToken": admin, "DeleteToken": admin,
	}
}

// allow answers ErrForbidden unless the actor may call the method.
func (s *Service) allow(a Actor, method string) error {
	return s.need(a, s.rules[method].least)
}

// allowFor is allow for a method about the account of a user.
func (s *Service) allowFor(a Actor, method, user string) error {
	r := s.rules[method]
	if r.own && user == a.Name && s.role(a) >= auth.Viewer {
		return nil
	}
	return s.need(a, r.least)
}

func (s *Service) need(a Actor, least Role) error {
	if has := s.role(a); least == auth.Nobody || has < least {
		return &Error{Code: CodeForbidden, Text: fmt.Sprintf("this takes the role %s, yours is %s", least, has)}
	}
	return nil
}

// role is the role the actor has now: that of the login, or less if it was taken
// away since.
func (s *Service) role(a Actor) Role {
	s.limitMu.Lock()
	defer s.limitMu.Unlock()
	if limit, ok := s.limits[a.Name]; ok {
		return min(a.Role, limit)
	}
	return a.Role
}

func (s *Service) limit(name string, r Role) {
	s.limitMu.Lock()
	defer s.limitMu.Unlock()
	s.limits[name] = r
}
