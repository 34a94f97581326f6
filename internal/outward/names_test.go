package outward_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/deputy-oauth/deputy/internal/outward"
)

// names answers every question about a name with addresses of the test's choice;
// each lookup takes the next answer, the last one stays.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
}

func (n *names) next(name string, kind dnsmessage.Type) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.answers[name]
	if len(list) == 0 {
		return nil
	}
	if len(list) > 1 && kind == dnsmessage.TypeA { // each lookup asks for both kinds
		n.answers[name] = list[1:]
	}
	var out []netip.Addr
	for _, a := range list[0] {
		if ip := netip.MustParseAddr(a); ip.Is4() == (kind == dnsmessage.TypeA) {
			out = append(out, ip)
		}
	}
	return out
}

// serve is a name server, and the process asks it until the test ends.
func (n *names) serve(t *testing.T) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := n.reply(buf[:size]); reply != nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
}

func (n *names) reply(raw []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(raw) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true}
	m.Additionals = nil
	for _, ip := range n.next(strings.TrimSuffix(q.Name.String(), "."), q.Type) {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		if ip.Is4() {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: ip.As4()}})
			continue
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// A name is looked at when it is dialled, each time, and each of its addresses: it
// cannot lead somewhere else between check and use.
func TestThreat_O24_NamesThatLeadElsewhere(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	n := &names{answers: map[string][][]string{
		"flips.example":    {{"127.0.0.1"}, {"169.254.169.254"}},
		"many.example":     {{"169.254.169.254", "10.0.0.1", "192.168.0.1"}},
		"mapped.example":   {{"::ffff:169.254.169.254"}},
		"nat64.example":    {{"64:ff9b::a9fe:a9fe"}},
		"private6.example": {{"fd00::1", "fe80::1"}},
		"here.example":     {{"127.0.0.1"}},
		"zero.example":     {{"0.0.0.0"}},
	}}
	n.serve(t)
	get := func(allowLoopback bool, host string) error {
		client := &http.Client{Transport: outward.Transport(allowLoopback)}
		defer client.CloseIdleConnections()
		res, err := client.Get("http://" + net.JoinHostPort(host, u.Port()))
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	if err := get(true, "flips.example"); err != nil {
		t.Fatalf("the first lookup: %v", err)
	}
	for _, host := range []string{"flips.example", "many.example", "mapped.example", "nat64.example", "private6.example", "zero.example"} {
		if err := get(true, host); err == nil || !strings.Contains(err.Error(), "prohibited") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := get(false, "here.example"); err == nil || !strings.Contains(err.Error(), "prohibited") {
		t.Errorf("a name for this computer: %v", err)
	}
}
