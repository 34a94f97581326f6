package consent

import (
	"slices"
	"time"
)

// Level is how surely a sign-in showed who the person is: an authentication
// context class, as clients ask for it in acr_values and read it in acr (OpenID
// Connect Core sections 2 and 3.1.2.1). "" is no sign-in at all.
type Level string

// The levels. A server offers those that its sign-in can reach.
const (
	LevelPassword Level = "urn:deputy:acr:password" // a password
	LevelTwoStep  Level = "urn:deputy:acr:two-step" // a password and a one-time code
	LevelPasskey  Level = "urn:deputy:acr:passkey"  // a key that cannot be phished
)

// levels is their order, the weakest first.
var levels = []Level{LevelPassword, LevelTwoStep, LevelPasskey}

// Meets reports whether l is want or surer. Any level there is meets "", which
// asks for nothing; an unknown one meets nothing and is met by nothing.
func (l Level) Meets(want Level) bool {
	have := slices.Index(levels, l)
	return have >= 0 && (want == "" || slices.Contains(levels[:have+1], want))
}

// Lack is what a sign-in lacks for what needs a recent and sure one.
type Lack string

// What a sign-in can lack.
const (
	LacksNothing Lack = ""
	LacksLevel   Lack = "level" // it was not sure enough
	LacksTime    Lack = "time"  // it was too long ago
)

// ProofLife is how long a sign-in counts as made just now.
const ProofLife = 10 * time.Minute

// Lacks judges a sign-in at level l, made at proved, for what needs one made just
// now that meets want.
func (l Level) Lacks(want Level, proved, now time.Time) Lack {
	switch {
	case !l.Meets(want):
		return LacksLevel
	case now.Sub(proved) > ProofLife:
		return LacksTime
	}
	return LacksNothing
}
