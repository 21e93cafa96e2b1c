// Package control owns every read and every change an operator can make, whatever
// door it comes through. Authorisation is here and only here. It neither stores
// nor streams: it is handed a store and an engine.
package control

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/auth"
)

// Engine is what runs the configuration.
type Engine interface {
	// Apply goes from the configuration that runs to next: it claims what is new,
	// switches, then releases what is old. On error what ran goes on running. It is
	// never called twice at once. Next is as the operator wrote it: see
	// config.Config.Effective.
	Apply(ctx context.Context, next Config) error
	// Check is Apply stopped before anything moves: it says what cannot work on this
	// machine (an interface that is missing, a port in use), and what would be interrupted.
	Check(ctx context.Context, next Config) (interrupts, warnings []string, err error)
	Channels() []ChannelStatus
	SelectInput(channel string, input int) error // -1 for automatic
	RestartChannel(channel string) error
	Wire() WireStatus
	System() System
	Interfaces() []Interface
	// Address is what the addresses for viewers begin with, without a slash at the end.
	Address() string
	Log(n int) []LogLine
	// Sessions are the viewers of now, oldest first, or those who ended last, newest first.
	Sessions(ended bool) []Session
	CloseSession(id, why string) bool // false when there is none
	Reauthorize(channel string)       // asks on_play again about the viewers of a channel, or all
}

// Parts are what a Service is made of. All but Now are required.
type Parts struct {
	Store  Store
	Engine Engine
	Alarms *alarm.Tracker // its Changed must be Service.AlarmChanged
	Now    func() time.Time
}

// Service is safe for concurrent use. Methods that take an actor answer
// ErrForbidden when the role does not suffice; all errors are *Error.
type Service struct {
	store  Store
	engine Engine
	alarms *alarm.Tracker
	now    func() time.Time
	rules  map[string]rule

	change  sync.Mutex // held while the configuration changes
	current atomic.Pointer[running]

	people sync.Mutex // held while users, keys, tokens or the setup code change
	lock   auth.Lockout
	remote *auth.Hasher // checks for those who come over the network
	local  *auth.Hasher // and on the local terminal, which no flood keeps out

	limitMu sync.Mutex
	limits  map[string]Role // roles taken away since the login of who has them

	watchMu  sync.Mutex
	watchers map[*watcher]struct{}
	queue    chan Event // recorded by the engine, not stored yet
}

// running is what the box runs. It is immutable.
type running struct {
	rev    Revision
	config Config
	newest int64 // ID of the newest revision: another one after a fall-back
}

// New returns a service. Call Boot before anything else, and Run beside it.
func New(p Parts) *Service {
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Service{
		store: p.Store, engine: p.Engine, alarms: p.Alarms, now: p.Now, rules: rules(),
		remote: auth.NewHasher(2), local: auth.NewHasher(1),
		limits: map[string]Role{}, watchers: map[*watcher]struct{}{}, queue: make(chan Event, 256),
	}
}

// state returns what runs, or ErrUnavailable before Boot.
func (s *Service) state() (*running, error) {
	if r := s.current.Load(); r != nil {
		return r, nil
	}
	return nil, &Error{Code: CodeUnavailable, Text: "the box is starting: try again in a moment"}
}
