//go:build !race

package flow_test

const slowness = 1
