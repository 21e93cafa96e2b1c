package control

import (
	"fmt"
	"slices"

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
		"Snapshot": viewer, "ChannelStatus": viewer, "Sessions": viewer, "Alarms": viewer, "AlarmHistory": viewer,
		"System": viewer, "Interfaces": viewer, "Events": viewer, "Watch": viewer,
		"Users": viewer, // only their own account, below admin

		"Propose": operator, "Commit": operator, "Restore": operator, // changes of Box: admin
		"Parse": operator, "ExportSecrets": operator, "Log": operator,
		"SelectInput": operator, "RestartChannel": operator, "AckAlarm": operator, "CloseSession": operator, "Reauthorize": operator,

		"AddUser": admin, "PutUser": own, "SetPassword": own, "AddKey": own, "DeleteKey": own,
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

// tokenLimit stands before the ID of a token in limits, apart from the names of users.
const tokenLimit = "token "

// role is the role the actor has now: that of the login, or less if it was taken
// away since or has expired.
func (s *Service) role(a Actor) Role {
	key := a.Name
	if a.token != "" {
		key = tokenLimit + a.token
		if !a.until.IsZero() && !s.now().Before(a.until) {
			return auth.Nobody
		}
	}
	s.limitMu.Lock()
	defer s.limitMu.Unlock()
	if limit, ok := s.limits[key]; ok {
		return min(a.Role, limit)
	}
	return a.Role
}

func (s *Service) limit(name string, r Role) {
	s.limitMu.Lock()
	defer s.limitMu.Unlock()
	s.limits[name] = r
}

// Local is who sits at the machine itself, or may read the data folder: an admin
// without an account. No account can have its name, so that no change to one reaches
// it. Via is "console" or "cli".
func Local(via string) Actor { return Actor{Name: "(local)", Role: auth.Admin, Via: via} }

// Scraper is the program on the machine itself that reads its metrics.
func Scraper() Actor { return Actor{Name: "(metrics)", Role: auth.Viewer, Via: "http"} }

// Account reports whether the actor can be a user of the box, with a password, keys
// and a language that are kept.
func (a Actor) Account() bool { return auth.CheckName(a.Name) == nil }

// checkNewName says what is wrong with the name of a new account, or nil. Names that
// the history has for the box itself are refused.
func checkNewName(name string) error {
	if slices.Contains([]string{"local", "metrics", "system"}, name) {
		return fmt.Errorf("%s is what the box calls itself in its history: choose another name", name)
	}
	return auth.CheckName(name)
}
