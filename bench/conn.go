package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// conn is one client: a keep-alive HTTP/1.1 connection that sends requests
// prepared as bytes and reads answers into a buffer it uses again. The load
// generator shares the machine with the server, so what it does not spend is
// the server's; net/http's client costs about as much as the server's side.
type conn struct {
	net      net.Conn
	in       *bufio.Reader
	body     []byte
	location []byte
}

// patience bounds one whole measurement of a connection: a server that hangs is
// an error and not a low figure.
const patience = time.Minute

// largest is how many bytes of body an answer may have.
const largest = 1 << 20

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &conn{net: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// patient starts the time that everything until the next call may take.
func (c *conn) patient() error { return c.net.SetDeadline(time.Now().Add(patience)) }

func (c *conn) close() error { return c.net.Close() }

// want sends a request and returns the body of its answer, which is good until
// the next call. Any other status than the wanted one is an error with the body.
func (c *conn) want(status int, request []byte) ([]byte, error) {
	if _, err := c.net.Write(request); err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	got, err := c.answer()
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if got != status {
		return nil, fmt.Errorf("status %d instead of %d: %s%s", got, status, c.location, c.body)
	}
	return c.body, nil
}

// answer reads one answer (RFC 9112 section 4 and 6).
func (c *conn) answer() (status int, err error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("not an answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("not a status: %q", line)
	}
	length, chunked := -1, false
	c.body, c.location = c.body[:0], c.location[:0]
	for {
		if line, err = c.line(); err != nil {
			return 0, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length > largest {
				return 0, fmt.Errorf("content length %q", value)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Location")):
			c.location = append(c.location, value...)
		}
	}
	switch {
	case chunked:
		return status, c.chunks()
	case length >= 0:
		return status, c.take(length)
	}
	return 0, errors.New("an answer without a length")
}

// line reads a line without its end. It is good until the next read.
func (c *conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// take adds n bytes to the body.
func (c *conn) take(n int) error {
	have := len(c.body)
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.in, c.body[have:])
	return err
}

// chunks reads a chunked body (RFC 9112 section 7.1).
func (c *conn) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil || n > largest || len(c.body) > largest {
			return fmt.Errorf("chunk of %q bytes", line)
		}
		if err := c.take(int(n)); err != nil {
			return err
		}
		if _, err := c.line(); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}

// get writes a GET request after what is in dst. lines are headers.
func get(dst []byte, host, target string, lines ...string) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, target...)
	return headers(dst, host, lines)
}

func headers(dst []byte, host string, lines []string) []byte {
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\n"...)
	for _, h := range lines {
		dst = append(dst, h...)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// post writes a POST request with a form after what is in dst. The parts are
// joined to the form as they are.
func post(dst []byte, host, target, authorization string, form ...string) []byte {
	length := 0
	for _, f := range form {
		length += len(f)
	}
	dst = append(dst, "POST "...)
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	if authorization != "" {
		dst = append(dst, "\r\nAuthorization: "...)
		dst = append(dst, authorization...)
	}
	dst = append(dst, "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(length), 10)
	dst = append(dst, "\r\n\r\n"...)
	for _, f := range form {
		dst = append(dst, f...)
	}
	return dst
}

// member returns a string member of a JSON object whose value needs no escapes,
// as tokens are: looking for it is enough, and costs the machine less than
// decoding.
func member(body []byte, name string) (string, error) {
	key := `"` + name + `":"`
	_, rest, found := bytes.Cut(body, []byte(key))
	value, _, ended := bytes.Cut(rest, []byte(`"`))
	if !found || !ended || len(value) == 0 {
		return "", fmt.Errorf("no %s in %s", name, body)
	}
	return string(value), nil
}
