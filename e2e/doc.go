// Package e2e owns the tests that run the built program as an operator does, on
// free loopback ports and a temporary folder, and look at it only from outside:
// what it answers, what it logs, what lies in its database. The tests in Go play
// people and apps over HTTP; those in JavaScript (*.test.mjs) are a real browser
// and clients that others wrote.
//
// It knows nothing of the packages that the program is made of. What needs an
// inside, a clock or a broken database, is tested where it lives.
package e2e
