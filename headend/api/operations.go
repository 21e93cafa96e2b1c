package api

import (
	"context"
	"net/http"
	"time"

	"sigma/headend/control"
)

func (d door) alarms() {
	type alarmList struct {
		Page
		Alarms []row[alarmBody] `json:"alarms"`
	}
	add(d, operation(http.MethodGet, "/alarms", "alarms_list", "List raised alarms, most severe first"),
		func(ctx context.Context, a control.Actor, in *query) (*body[alarmList], error) {
			l, err := d.Control.Alarms(ctx, a)
			if err != nil {
				return nil, err
			}
			rows, p, err := collect(in, alarmsOf(l))
			return &body[alarmList]{alarmList{p, rows}}, err
		})
	type history struct {
		Limit int `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	}
	type past struct {
		Alarms []alarmBody `json:"alarms"`
	}
	add(d, operation(http.MethodGet, "/alarms/history", "alarms_history", "List alarms that were raised, newest first"),
		func(ctx context.Context, a control.Actor, in *history) (*body[past], error) {
			l, err := d.Control.AlarmHistory(ctx, a, in.Limit)
			return &body[past]{past{alarmsOf(l)}}, err
		})
	type which struct {
		ID int64 `path:"id" minimum:"1"`
	}
	add(d, operation(http.MethodPost, "/alarms/{id}/ack", "alarm_ack", "Acknowledge an alarm"),
		func(ctx context.Context, a control.Actor, in *which) (*struct{}, error) {
			return nil, d.Control.AckAlarm(ctx, a, in.ID)
		})
	type code struct {
		Code string `path:"code" maxLength:"64" example:"input_lost"`
	}
	add(d, operation(http.MethodGet, "/alarm_definitions/{code}", "alarm_definition_get", "Explain an alarm"),
		func(_ context.Context, _ control.Actor, in *code) (*body[alarmInfo], error) {
			info, ok := d.Control.AlarmInfo(control.AlarmCode(in.Code))
			if !ok {
				return nil, &Problem{status: http.StatusNotFound, Code: string(control.CodeNotFound), Text: "there is no alarm " + in.Code}
			}
			return &body[alarmInfo]{alarmInfoOf(info)}, nil
		})
}

// UserPath names a user.
type UserPath struct {
	Name string `path:"name" maxLength:"64"`
}

func (d door) users() {
	type userList struct {
		Page
		Users []row[control.User] `json:"users"`
	}
	add(d, operation(http.MethodGet, "/users", "users_list", "List users"),
		func(ctx context.Context, a control.Actor, in *query) (*body[userList], error) {
			l, err := d.Control.Users(ctx, a)
			if err != nil {
				return nil, err
			}
			rows, p, err := collect(in, l)
			return &body[userList]{userList{p, rows}}, err
		})
	type put struct {
		UserPath
		Body struct {
			Role     control.Role `json:"role" enum:"viewer,operator,admin"`
			Language string       `json:"language,omitempty" enum:"en,vi"`
		}
	}
	add(d, operation(http.MethodPut, "/users/{name}", "user_save", "Create or change a user"),
		func(ctx context.Context, a control.Actor, in *put) (*struct{}, error) {
			return nil, d.Control.PutUser(ctx, a, control.User{Name: in.Name, Role: in.Body.Role, Language: in.Body.Language})
		})
	add(d, operation(http.MethodDelete, "/users/{name}", "user_delete", "Delete a user"),
		func(ctx context.Context, a control.Actor, in *UserPath) (*struct{}, error) {
			return nil, d.Control.DeleteUser(ctx, a, in.Name)
		})
	type password struct {
		UserPath
		Body struct {
			Password string `json:"password" maxLength:"1024"`
		}
	}
	add(d, operation(http.MethodPut, "/users/{name}/password", "user_password", "Set a password"),
		func(ctx context.Context, a control.Actor, in *password) (*struct{}, error) {
			return nil, d.Control.SetPassword(ctx, a, in.Name, in.Body.Password)
		})
	add(d, operation(http.MethodPost, "/users/{name}/unlock", "user_unlock", "Unlock a user after failed logins"),
		func(ctx context.Context, a control.Actor, in *UserPath) (*struct{}, error) {
			return nil, d.Control.UnlockUser(ctx, a, in.Name)
		})
	d.keys()
	d.tokens()
}

func (d door) keys() {
	type line struct {
		UserPath
		Body struct {
			Line string `json:"line" maxLength:"16384" doc:"as in authorized_keys"`
		}
	}
	add(d, operation(http.MethodPost, "/users/{name}/keys", "user_key_add", "Add an SSH key"),
		func(ctx context.Context, a control.Actor, in *line) (*body[control.Key], error) {
			k, err := d.Control.AddKey(ctx, a, in.Name, in.Body.Line)
			return &body[control.Key]{k}, err
		})
	type remove struct {
		UserPath
		Fingerprint string `query:"fingerprint" required:"true" maxLength:"128" example:"SHA256:…"`
	}
	add(d, operation(http.MethodDelete, "/users/{name}/keys", "user_key_delete", "Delete an SSH key"),
		func(ctx context.Context, a control.Actor, in *remove) (*struct{}, error) {
			return nil, d.Control.DeleteKey(ctx, a, in.Name, in.Fingerprint)
		})
}

func (d door) tokens() {
	type tokens struct {
		Tokens []control.Token `json:"tokens"`
	}
	add(d, operation(http.MethodGet, "/api_tokens", "tokens_list", "List API tokens"),
		func(ctx context.Context, a control.Actor, _ *struct{}) (*body[tokens], error) {
			l, err := d.Control.Tokens(ctx, a)
			return &body[tokens]{tokens{list(l)}}, err
		})
	type create struct {
		Body struct {
			Name string       `json:"name" maxLength:"64"`
			Role control.Role `json:"role" enum:"viewer,operator,admin"`
			TTL  int64        `json:"ttl,omitempty" minimum:"0" maximum:"3153600000" doc:"seconds it is good for; 0 for ever"`
		}
	}
	type created struct {
		control.Token
		Secret string `json:"secret" doc:"the token itself, never shown again"`
	}
	add(d, operation(http.MethodPost, "/api_tokens", "token_create", "Create an API token"),
		func(ctx context.Context, a control.Actor, in *create) (*body[created], error) {
			t, secret, err := d.Control.CreateToken(ctx, a, in.Body.Name, in.Body.Role, time.Duration(in.Body.TTL)*time.Second)
			return &body[created]{created{t, secret}}, err
		})
	type which struct {
		ID string `path:"id" maxLength:"64"`
	}
	add(d, operation(http.MethodDelete, "/api_tokens/{id}", "token_delete", "Delete an API token"),
		func(ctx context.Context, a control.Actor, in *which) (*struct{}, error) {
			return nil, d.Control.DeleteToken(ctx, a, in.ID)
		})
}

// box registers what concerns the machine and its viewers.
func (d door) box() {
	add(d, operation(http.MethodGet, "/system", "system_get", "Show the machine"),
		func(ctx context.Context, a control.Actor, _ *struct{}) (*body[system], error) {
			s, err := d.Control.System(ctx, a)
			return &body[system]{system{s, d.uptime(s).Seconds()}}, err
		})
	type interfaces struct {
		Interfaces []control.Interface `json:"interfaces"`
	}
	add(d, operation(http.MethodGet, "/interfaces", "interfaces_list", "List network interfaces"),
		func(ctx context.Context, a control.Actor, _ *struct{}) (*body[interfaces], error) {
			l, err := d.Control.Interfaces(ctx, a)
			return &body[interfaces]{interfaces{list(l)}}, err
		})
	type tail struct {
		N int `query:"n" default:"100" minimum:"1" maximum:"10000" doc:"lines"`
	}
	type lines struct {
		Lines []control.LogLine `json:"lines"`
	}
	add(d, operation(http.MethodGet, "/log", "log_tail", "Show the end of the log"),
		func(ctx context.Context, a control.Actor, in *tail) (*body[lines], error) {
			l, err := d.Control.Log(ctx, a, in.N)
			return &body[lines]{lines{list(l)}}, err
		})
}
