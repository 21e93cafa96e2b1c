// Package psi reads and writes the tables of a transport stream: the programme
// specific information of ISO/IEC 13818-1 and the service information of
// ETSI EN 300 468 (V1.15.1), with their descriptors and their text coding.
//
// A Section is the bytes of one section. An Assembler makes sections of packets,
// a Packetizer makes packets of sections, and each table is a plain struct with a
// Parse function and a Sections method. What this package does not know stays as
// it came: descriptors as Raw, tables as their sections.
//
// Wire forms that lose something when they are converted keep their coded form
// and convert on demand: Text (annex A of EN 300 468), UTC and Duration (annex C).
//
// The package refuses timing (when a section is due is the multiplexer's affair),
// sockets, clocks and goroutines.
package psi
