// Package keymap owns every key of the console: what it is called, what it does and
// the role it takes. Pages name keys by ID; help is generated from here.
package keymap

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
)

// The roles a key can ask for, as control knows them.
const (
	Viewer control.Role = iota + 1
	Operator
	Admin
)

// ID names what a key does.
type ID int

// Every key of the console. The first group works on every page.
const (
	None ID = iota
	Help
	Back
	Quit
	NextTab
	PrevTab
	Tabs
	Up
	Down
	PageUp
	PageDown
	Top
	Bottom
	Open
	Filter
	FilterKeep
	FilterOff
	Sort

	AddChannel
	Edit
	Copy
	Delete
	MoveUp
	MoveDown
	Toggle
	SelectInput
	Viewers
	SendAway
	Ended
	Restart
	Save
	Commit
	Submit
	EditBox

	NextField
	PrevField
	Choose
	ItemAdd
	ItemCopy
	ItemRemove
	ItemUp
	ItemDown
	Clear

	Ack
	AckAll
	History
	Compare
	ShowText
	Restore
	Language
	Password
	AddUser
	UserRole
	UserLanguage
	UserPassword
	AddKey
	RemoveKey
	Unlock
	AddToken
	LogView
	EventView
	Yes
	No
)

// Binding is one key.
type Binding struct {
	Keys []string     // as the terminal reports them
	Show string       // as a person reads them
	Text string       // key of the catalogue: what it does
	Need control.Role // least role
}

// Of returns the binding of an ID; an ID that is not in the table has no keys.
func Of(id ID) Binding { return table[id] }

// All returns every ID that has a binding, in order.
func All() []ID {
	var ids []ID
	for id := range table {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Lists returns the keys that move in a list.
func Lists() []ID { return []ID{Up, Down, PageUp, PageDown, Top, Bottom} }

// Name returns how a person reads a key that the terminal reports.
func Name(key string) string {
	switch key {
	case "up":
		return "↑"
	case "down":
		return "↓"
	case "left":
		return "←"
	case "right":
		return "→"
	case "pgup":
		return "PgUp"
	case "pgdown":
		return "PgDn"
	case " ":
		return ""
	}
	if len(key) == 1 {
		return key
	}
	parts := strings.Split(key, "+")
	for i, p := range parts {
		parts[i] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "+")
}

// Names returns how a person reads the keys of an ID that work now: where letters are
// text, those that are no letters.
func Names(id ID, writing bool) []string {
	if id == Tabs {
		return []string{table[id].Show}
	}
	var names []string
	for _, k := range table[id].Keys {
		if n := Name(k); n != "" && (!writing || len(k) > 1) {
			names = append(names, n)
		}
	}
	return names
}

// Match returns which of ids the key press means, None when none.
func Match(msg tea.KeyPressMsg, ids ...ID) ID {
	s := msg.String()
	for _, id := range ids {
		if slices.Contains(table[id].Keys, s) {
			return id
		}
	}
	return None
}

func key(text string, need control.Role, show string, keys ...string) Binding {
	if len(keys) == 0 {
		keys = []string{show}
	}
	return Binding{Keys: keys, Show: show, Text: text, Need: need}
}

// table is the keymap. Nobody changes it.
var table = map[ID]Binding{
	Help:       key("key.help", 0, "?", "?", "f1"),
	Back:       key("key.back", 0, "Esc", "esc"),
	Quit:       key("key.quit", 0, "q", "q", "ctrl+c"),
	NextTab:    key("key.next_tab", 0, "Tab", "tab"),
	PrevTab:    key("key.prev_tab", 0, "Shift+Tab", "shift+tab"),
	Tabs:       key("key.tabs", 0, "1-6", "1", "2", "3", "4", "5", "6"),
	Up:         key("key.up", 0, "↑", "up", "k"),
	Down:       key("key.down", 0, "↓", "down", "j"),
	PageUp:     key("key.page_up", 0, "PgUp", "pgup", "ctrl+b"),
	PageDown:   key("key.page_down", 0, "PgDn", "pgdown", "ctrl+f"),
	Top:        key("key.top", 0, "Home", "home", "g"),
	Bottom:     key("key.bottom", 0, "End", "end", "G"),
	Open:       key("key.open", 0, "Enter", "enter", "space", " "),
	Filter:     key("key.filter", 0, "/"),
	FilterKeep: key("key.filter_keep", 0, "Enter", "enter"),
	FilterOff:  key("key.filter_off", 0, "Esc", "esc"),
	Sort:       key("key.sort", 0, "s"),

	AddChannel:  key("key.add_channel", Operator, "a"),
	Edit:        key("key.edit", Operator, "e"),
	Copy:        key("key.copy", Operator, "c"),
	Delete:      key("key.delete", Operator, "d", "d", "delete"),
	MoveUp:      key("key.move_up", Operator, "K", "K", "shift+up"),
	MoveDown:    key("key.move_down", Operator, "J", "J", "shift+down"),
	Toggle:      key("key.toggle", Operator, "x"),
	SelectInput: key("key.select_input", Operator, "i"),
	Viewers:     key("key.viewers", 0, "v"),
	SendAway:    key("key.send_away", Operator, "d", "d", "delete"),
	Ended:       key("key.ended", 0, "h"),
	Restart:     key("key.restart", Operator, "r"),
	Save:        key("key.save", Operator, "Ctrl+S", "ctrl+s"),
	Commit:      key("key.commit", Operator, "Ctrl+S", "ctrl+s"),
	Submit:      key("key.submit", 0, "Ctrl+S", "ctrl+s"),
	EditBox:     key("key.edit_box", Admin, "b"),

	NextField:  key("key.next_field", 0, "↓", "down", "tab", "enter"),
	PrevField:  key("key.prev_field", 0, "↑", "up", "shift+tab"),
	Choose:     key("key.choose", 0, "←→", "left", "right", "space", " "),
	ItemAdd:    key("key.item_add", 0, "a"),
	ItemCopy:   key("key.item_copy", 0, "c"),
	ItemRemove: key("key.item_remove", 0, "d", "d", "delete"),
	ItemUp:     key("key.item_up", 0, "K", "K", "shift+up"),
	ItemDown:   key("key.item_down", 0, "J", "J", "shift+down"),
	Clear:      key("key.clear", 0, "Ctrl+U", "ctrl+u"),

	Ack:          key("key.ack", Operator, "a"),
	AckAll:       key("key.ack_all", Operator, "A"),
	History:      key("key.history", 0, "h"),
	Compare:      key("key.compare", 0, "c"),
	ShowText:     key("key.show_text", 0, "t"),
	Restore:      key("key.restore", Operator, "r"),
	Language:     key("key.language", 0, "l"),
	Password:     key("key.password", 0, "p"),
	AddUser:      key("key.add_user", Admin, "a"),
	UserRole:     key("key.user_role", Admin, "o"),
	UserLanguage: key("key.user_language", Admin, "L"),
	UserPassword: key("key.user_password", Admin, "w"),
	AddKey:       key("key.add_key", Admin, "s"),
	RemoveKey:    key("key.remove_key", Admin, "x"),
	Unlock:       key("key.unlock", Admin, "u"),
	AddToken:     key("key.add_token", Admin, "t"),
	LogView:      key("key.log", Operator, "g"),
	EventView:    key("key.events", 0, "v"),
	Yes:          key("key.yes", 0, "y"), // not Enter: a key too many must not cost somebody a picture
	No:           key("key.no", 0, "n", "n", "esc"),
}
