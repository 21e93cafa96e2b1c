// Package fmp4 owns the boxes of the ISO base media file format (ISO/IEC 14496-12)
// as CMAF (ISO/IEC 23000-19) and Smooth Streaming (MS-SSTR) restrict them: it writes
// headers and chunks of one track, and it reads headers, fragments and the sample
// tables of files with any number of tracks.
//
// It refuses to know codecs beyond what a sample entry holds, to encrypt, and to
// touch the bytes of samples.
package fmp4
