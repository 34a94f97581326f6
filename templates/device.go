package templates

import "time"

// DeviceEntry asks for the code that a device shows.
type DeviceEntry struct {
	Frame
	Code  string // filled in from a link, as the device shows it; may be empty
	Wrong bool   // one answer for an unknown, an ended and somebody else's code
	Wait  time.Duration
}

// DeviceConfirm asks whether the person started this on a device of theirs,
// before anything about the request can be answered.
type DeviceConfirm struct {
	Frame
	Flow  string // the sealed request
	App   App
	Code  string    // as the device shows it
	Agent string    // what the device says it is; may be empty
	Place string    // the network it asked from
	Near  bool      // that is the person's own network
	Asked time.Time // when
	Ends  time.Time // of the code
}
