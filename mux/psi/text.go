package psi

// Text is a text as coded on the wire (EN 300 468 annex A): the bytes that select
// the character table, if any, and the characters.
type Text string
