package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

func TestSimulateServesUntilItIsEnded(t *testing.T) {
	for _, provider := range simulator.Providers() {
		var out output
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- run(ctx, []string{"simulate", provider.ID, "--listen", "127.0.0.1:0", "--quirk", "rate-limited", "--client-secret", "of-my-own"},
				nil, strings.NewReader(""), &out, io.Discard)
		}()
		var url string
		for deadline := time.Now().Add(10 * time.Second); url == "" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(out.String())
		}
		resp, err := http.Get(url + "/")
		if err != nil {
			t.Fatalf("%s: %v\n%s", provider.ID, err, out.String())
		}
		home, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		for _, words := range []string{"rate-limited", "of-my-own", "simulated-app", provider.Name + ", for practice"} {
			if err != nil || !strings.Contains(string(home), words) {
				t.Errorf("%s: the front page does not say %q: %v", provider.ID, words, err)
			}
		}
		end()
		if err := <-ended; err != nil {
			t.Errorf("%s ends with %v", provider.ID, err)
		}
	}
}

func TestSimulateSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"simulate", "github", "--quirk", "unheard-of"}, `github has no quirk "unheard-of"; deputy simulate github --help lists them`},
		{[]string{"simulate", "gitlab"}, `unknown command "gitlab"`},
		{[]string{"simulate", "slack", "--listen", "nowhere"}, "choose one with --listen"},
	} {
		_, err := deputy(t, "", c.args...)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want %q", c.args, err, c.says)
		}
	}
	help, err := deputy(t, "", "simulate", "slack", "--help")
	for _, q := range simulator.KnownQuirks("slack") {
		if err != nil || !strings.Contains(help, q.Help) {
			t.Errorf("the help of slack does not explain %s: %v", q.Name, err)
		}
	}
}
