// Package multicast owns the transport stream datagrams that enter and leave the
// box: it joins groups with source filters and receives from them or from unicast
// senders, cuts the datagrams into batches, and hands what a shaper has scheduled
// to a port that sends it, usually one of package wire. It lists the network
// interfaces and says which system settings stand in the way.
//
// It refuses to look into transport stream packets beyond their sync byte, keeps no
// configuration, parses no URL, and never changes the settings of an interface.
package multicast
