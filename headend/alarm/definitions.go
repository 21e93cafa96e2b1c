package alarm

import "time"

// The declared alarms.
const (
	InputLost         Code = "input_lost"
	InputWarning      Code = "input_warning"
	OnStandby         Code = "on_standby"
	ChannelOffAir     Code = "channel_off_air"
	ChannelFailed     Code = "channel_failed"
	SourceContinuity  Code = "source_continuity"
	ServiceLost       Code = "service_lost"
	Scrambled         Code = "scrambled"
	OutputFailed      Code = "output_failed"
	OutputOverflow    Code = "output_overflow"
	OutputLate        Code = "output_late"
	WireDown          Code = "wire_down"
	WireNoRealtime    Code = "wire_no_realtime"
	InterfaceMissing  Code = "interface_missing"
	InterfaceDown     Code = "interface_down"
	HTTPListenFailed  Code = "http_listen_failed"
	HTTPSListenFailed Code = "https_listen_failed"
	CertificateFailed Code = "certificate_failed"
	CertificateEnds   Code = "certificate_ends"
	OnPlayFailed      Code = "on_play_failed"
	RTCListenFailed   Code = "webrtc_listen_failed"
	SSHListenFailed   Code = "ssh_listen_failed"
	ConfigRolledBack  Code = "config_rolled_back"
	DatabaseSlow      Code = "database_slow"
	DatabaseFailed    Code = "database_failed"
	DiskLow           Code = "disk_low"
	DiskFull          Code = "disk_full"
	ClockNotSynced    Code = "clock_not_synchronised"
	MemoryLow         Code = "memory_low"
	TemperatureHigh   Code = "temperature_high"
	SetupNotCompleted Code = "setup_not_completed"
)

// Definitions returns the declared alarms: first those of channels, in the order in
// which a stream passes, then those of the box. The slice belongs to the caller.
func Definitions() []Definition {
	return []Definition{
		{Code: InputLost, Severity: Minor, Delay: 0, Hold: 10 * time.Second,
			Title:  "an input delivers nothing",
			Cause:  "the sender stopped, the network between lost the group, or the URL is wrong",
			Remedy: "look at the last error of the input; check that the sender runs and that the group, port and interface are right"},
		{Code: InputWarning, Severity: Warning, Delay: 5 * time.Second, Hold: 60 * time.Second,
			Title:  "an input works, but not as it should",
			Cause:  "the detail names it: a limit of the system, an odd stream, a slow server",
			Remedy: "read the detail, mend what it names, and run 'headend doctor'"},
		{Code: OnStandby, Severity: Minor, Delay: 0, Hold: 0,
			Title:  "a channel is on a standby input",
			Cause:  "a better input was lost, or somebody selected this one",
			Remedy: "mend the better input, or let the channel choose again if an operator holds it"},
		{Code: ChannelOffAir, Severity: Critical, Delay: 2 * time.Second, Hold: 2 * time.Second,
			Title:  "a channel is off air",
			Cause:  "none of its inputs delivers a stream",
			Remedy: "bring one input back, or add one, such as a file that plays meanwhile"},
		{Code: ChannelFailed, Severity: Critical, Delay: 0, Hold: 5 * time.Second,
			Title:  "a channel cannot run",
			Cause:  "its configuration cannot work on this machine; the detail says why",
			Remedy: "change the channel as the detail says, then commit"},
		{Code: SourceContinuity, Severity: Major, Delay: 0, Hold: 2 * time.Minute,
			Title:  "packets of an input are lost or damaged",
			Cause:  "a bad cable, an overloaded link or switch, weak reception, or a full receive buffer",
			Remedy: "look whether lost packets, continuity errors or kernel drops grow: drops are this machine, the others come from before it"},
		{Code: ServiceLost, Severity: Major, Delay: 3 * time.Second, Hold: 5 * time.Second,
			Title:  "the service that an input selects is not in its stream",
			Cause:  "the service moved to another multiplex or changed its id",
			Remedy: "compare the services of the input with the program option of its URL"},
		{Code: Scrambled, Severity: Major, Delay: 3 * time.Second, Hold: 10 * time.Second,
			Title:  "an input is scrambled",
			Cause:  "the sender encrypts the service, or a descrambler before this box lost its card",
			Remedy: "check card, module and subscription at the place that should descramble it"},
		{Code: OutputFailed, Severity: Critical, Delay: time.Second, Hold: 5 * time.Second,
			Title:  "an output cannot send",
			Cause:  "its interface is missing or down, there is no route, or another program holds the address",
			Remedy: "read the last error of the output; check the interface and the route to the group"},
		{Code: OutputOverflow, Severity: Major, Delay: 0, Hold: 60 * time.Second,
			Title:  "a stream does not fit the constant bit rate of its output",
			Cause:  "the input peaks above the bit rate set for the output; packets wait and are then dropped",
			Remedy: "raise the bit rate of the output above the highest rate of the input, or lower that of the sender"},
		{Code: OutputLate, Severity: Minor, Delay: 10 * time.Second, Hold: 60 * time.Second,
			Title:  "datagrams leave too late",
			Cause:  "the processor is busy with other work, or real-time scheduling is not allowed",
			Remedy: "see what loads the machine, and run 'headend doctor' for the limits that help"},
		{Code: WireDown, Severity: Major, Delay: 2 * time.Second, Hold: 10 * time.Second,
			Title:  "the sending process does not run; the daemon sends by itself",
			Cause:  "it could not be started or keeps ending; the detail has its last error",
			Remedy: "look at the log; outputs go on with less exact timing until it runs"},
		{Code: WireNoRealtime, Severity: Warning, Delay: 5 * time.Second, Hold: 5 * time.Second,
			Title:  "the sending process has no real-time rights",
			Cause:  "the service lacks CAP_SYS_NICE or the limits for locked memory",
			Remedy: "install the unit file of this version ('make install'), or run 'headend doctor'"},
		{Code: InterfaceMissing, Severity: Critical, Delay: time.Second, Hold: 5 * time.Second,
			Title:  "a network interface of the configuration does not exist",
			Cause:  "it was renamed or removed, or its driver is not loaded",
			Remedy: "choose an interface from the list of this machine, or bring the missing one back"},
		{Code: InterfaceDown, Severity: Critical, Delay: time.Second, Hold: 5 * time.Second,
			Title:  "a network interface has no link",
			Cause:  "the cable is out, or the switch port is off",
			Remedy: "check cable and switch port; see 'ip link' for the state"},
		{Code: HTTPListenFailed, Severity: Critical, Delay: 0, Hold: 0,
			Title:  "viewers and the API cannot connect",
			Cause:  "another program has the HTTP port, or the address is not of this machine",
			Remedy: "see who has the port with 'ss -ltnp', or choose another address in box.http"},
		{Code: HTTPSListenFailed, Severity: Critical, Delay: 0, Hold: 0,
			Title:  "viewers and the API cannot connect over HTTPS",
			Cause:  "another program has the HTTPS port, or the address is not of this machine",
			Remedy: "see who has the port with 'ss -ltnp', or choose another address in box.https"},
		{Code: CertificateFailed, Severity: Major, Delay: 15 * time.Second, Hold: 0,
			Title:  "a certificate for HTTPS cannot be had",
			Cause:  "a file is missing, not readable or not the pair of the other, or the ACME server refused",
			Remedy: "read the detail; for ACME the names must lead here, with port 80 on box.http or port 443 on box.https"},
		{Code: CertificateEnds, Severity: Major, Delay: 0, Hold: 0,
			Title:  "the certificate for HTTPS ends soon, or has ended",
			Cause:  "nobody has renewed the files, or the ACME server could not be reached for weeks",
			Remedy: "put a new certificate in place of the old: it is read at once; for ACME see whether its server is reached"},
		{Code: OnPlayFailed, Severity: Major, Delay: 5 * time.Second, Hold: 10 * time.Second,
			Title:  "what decides about viewers does not answer",
			Cause:  "the server of on_play is down, too slow, or answers with an error of its own",
			Remedy: "look after that server; who watches goes on, and new viewers get what allow_default says"},
		{Code: RTCListenFailed, Severity: Major, Delay: 0, Hold: 0,
			Title:  "viewers cannot connect by WebRTC",
			Cause:  "another program has the port, or the address is not of this machine",
			Remedy: "see who has the port with 'ss -lunp' and 'ss -ltnp', or choose another address in box.webrtc"},
		{Code: SSHListenFailed, Severity: Major, Delay: 0, Hold: 0,
			Title:  "the console cannot be reached over SSH",
			Cause:  "another program has the port, or the address is not of this machine",
			Remedy: "see who has the port with 'ss -ltnp', or choose another address in box.ssh"},
		{Code: ConfigRolledBack, Severity: Critical, Delay: 0, Hold: 0,
			Title:  "the newest configuration did not start; an earlier one runs",
			Cause:  "something it needs is not there any more; the detail has the error",
			Remedy: "compare the revisions, mend what the detail names, and commit again"},
		{Code: DatabaseSlow, Severity: Warning, Delay: 30 * time.Second, Hold: 60 * time.Second,
			Title:  "the database answers slowly",
			Cause:  "the disk is busy, worn or shared with something that writes much",
			Remedy: "look at the load of the disk, and move recordings to another one"},
		{Code: DatabaseFailed, Severity: Critical, Delay: 0, Hold: 10 * time.Second,
			Title:  "the database cannot be written: nothing can be changed",
			Cause:  "the disk is full, read-only or failing",
			Remedy: "free space or replace the disk; what is on air goes on"},
		{Code: DiskLow, Severity: Minor, Delay: 10 * time.Second, Hold: 60 * time.Second,
			Title:  "the disk of the data folder is nearly full",
			Cause:  "less than 1 GiB is free",
			Remedy: "delete what is not needed, or enlarge the disk"},
		{Code: DiskFull, Severity: Critical, Delay: 0, Hold: 10 * time.Second,
			Title:  "the disk of the data folder is full",
			Cause:  "less than 64 MiB is free, or a write was refused",
			Remedy: "delete what is not needed now: changes cannot be stored"},
		{Code: ClockNotSynced, Severity: Minor, Delay: 2 * time.Minute, Hold: 30 * time.Second,
			Title:  "the clock is not synchronised",
			Cause:  "no NTP or PTP server answers, or no client for it is installed",
			Remedy: "install chrony or enable systemd-timesyncd, and check that it reaches a server"},
		{Code: MemoryLow, Severity: Major, Delay: 30 * time.Second, Hold: 60 * time.Second,
			Title:  "the machine is short of memory",
			Cause:  "more channels or viewers than it was built for, or another program grew",
			Remedy: "see on the system page who uses it; shorten live windows or move channels away"},
		{Code: TemperatureHigh, Severity: Major, Delay: 10 * time.Second, Hold: 60 * time.Second,
			Title:  "the machine is too hot",
			Cause:  "a fan stopped, a filter is full of dust, or the room is too warm",
			Remedy: "check fans, filters and the air in the rack"},
		{Code: SetupNotCompleted, Severity: Warning, Delay: time.Minute, Hold: 0,
			Title:  "nobody can log in yet",
			Cause:  "the first operator has not been created",
			Remedy: "log in over SSH with the one-time code that the local terminal shows"},
	}
}

// Lookup returns the definition of a code.
func Lookup(code Code) (Definition, bool) {
	for _, d := range Definitions() {
		if d.Code == code {
			return d, true
		}
	}
	return Definition{}, false
}

// String returns the name of a severity: "critical" and so on.
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Minor:
		return "minor"
	case Major:
		return "major"
	case Critical:
		return "critical"
	}
	return "unknown"
}

// MarshalText writes the name of the severity.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
