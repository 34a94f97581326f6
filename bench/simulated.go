package main

import (
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// simulated is a provider in the load generator's process.
type simulated struct {
	url    *url.URL
	server *http.Server
	hung   atomic.Pointer[chan struct{}] // closed when it answers again; nil while it answers
}

func simulate(provider http.Handler) (*simulated, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &simulated{url: &url.URL{Scheme: "http", Host: l.Addr().String()}}
	s.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if again := s.hung.Load(); again != nil {
			select {
			case <-*again:
			case <-r.Context().Done():
				return
			}
		}
		provider.ServeHTTP(w, r)
	})}
	go s.server.Serve(l) // ends with close, and only then
	return s, nil
}

// hang takes every request from now on, and answers none.
func (s *simulated) hang() {
	again := make(chan struct{})
	s.hung.Store(&again)
}

// recover answers what waits, and everything after.
func (s *simulated) recover() {
	if again := s.hung.Swap(nil); again != nil {
		close(*again)
	}
}

func (s *simulated) close() error { return s.server.Close() }
