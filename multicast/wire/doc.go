// Package wire owns the moment at which a datagram leaves the box. It holds both
// ends of the border between the daemon and the small process that sends: Main is
// that process, Client starts it or takes it over and fills a ring of shared
// memory per output with finished datagrams and their send times. Local is the
// same sender inside the daemon, for where no process can be started.
//
// The reason for a process of its own: a busy goroutine or a garbage collection in
// the daemon stalls even a real-time thread of a Go process by tens of
// milliseconds. The wire process allocates nothing while it sends, never collects
// garbage in normal life and locks its memory.
//
// It refuses to know what it sends: it builds no table, stamps no PCR and opens no
// output on its own. When the daemon goes away without a word it drains the rings,
// then repeats the last PSI of each output among null packets, so that receivers
// keep lock until the next daemon takes the rings over.
package wire
