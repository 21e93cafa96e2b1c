// Package mux makes transport streams of programmes: it takes one programme out
// of a stream (Extractor), gives it exact times on the way out, as constant bit
// rate or as it is (Shaper), and turns a file into an endless programme (Loop).
//
// Packets stay whole: elementary streams keep every byte of their payload, PTS
// and DTS are never touched but by Loop, and PCR changes by exactly the time by
// which a packet was moved. The package refuses elementary streams, sockets,
// goroutines and clocks: time comes in as an argument.
package mux
