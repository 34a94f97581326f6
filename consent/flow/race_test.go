//go:build race

package flow_test

// slowness is how much slower everything is than without the race detector.
const slowness = 10
