// Package layers holds the table of who may import whom, as a test. It is empty
// otherwise. A package that is missing from the table fails the test, so that
// each new one is a decision somebody took.
package layers
