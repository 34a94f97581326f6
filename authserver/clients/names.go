package clients

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/deputy-oauth/deputy/internal/lookalike"
)

// A stranger may call itself anything, and people read names first. One that passes
// for a name people trust is not taken as a name: the client goes by the host it
// answers at, everywhere, and what it calls itself is only quoted, with a warning.
// It is not refused: "GitHub Copilot" may be what it says, and an operator who
// knows can approve it.

// Names judges what strangers call themselves. It is never asked about a client
// that an operator answers for.
type Names interface {
	Judge(ctx context.Context, c Client) (lookalike.Verdict, error)
}

// nameless is the name of a client that has none, and no host either.
const nameless = "An app without a name"

// named returns c with the name that people read.
func named(ctx context.Context, names Names, c Client) (Client, error) {
	c.Name, c.Claimed, c.Likeness = c.OwnName(), "", lookalike.Verdict{}
	if c.Reviewed() {
		return c, nil
	}
	verdict, err := names.Judge(ctx, c)
	if err != nil {
		return Client{}, fmt.Errorf("judge the name of app %s: %w", c.ID, err)
	}
	if verdict.Reason != lookalike.Fine {
		c.Name, c.Claimed, c.Likeness = c.address(), c.Name, verdict
	}
	return c, nil
}

// address is where the client answers, for people: the host of its document, else
// of its return address.
func (c Client) address() string {
	if host := c.Host(); host != "" {
		return host
	}
	for _, uri := range c.RedirectURIs {
		if !ThisComputer(uri) {
			return hostOf(uri)
		}
	}
	return nameless
}

// Bounds of a name.
const (
	maxName  = 60 // characters
	maxMarks = 3  // on one letter: more are drawn over the lines around it
)

// CleanName makes of a client's name one short line: no control characters, none
// that turn the direction of writing or cannot be seen, no signs and pictures that
// could pass for ours ("✅"), no runs of space. People read it beside the host that
// answers for it.
func CleanName(raw string) string {
	var b strings.Builder
	n, marks, space := 0, 0, false
	for _, r := range norm.NFC.String(raw) {
		switch {
		case unicode.IsSpace(r):
			space = n > 0
			continue
		case !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar || invisible(r) || pictured(r):
			continue
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxMarks {
				continue
			}
		default:
			marks = 0
		}
		if n == maxName || (space && n+1 >= maxName) {
			break
		}
		if space {
			b.WriteByte(' ')
			n++
		}
		space = false
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// invisible reports letters that show nothing: Hangul fillers, the blank Braille
// pattern, variation selectors and the combining grapheme joiner.
func invisible(r rune) bool {
	return r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' || r == '\u2800' || unicode.Is(unicode.Variation_Selector, r) || r == '\u034f'
}

// pictured reports signs that are pictures, and what is drawn around or on them.
func pictured(r rune) bool {
	return unicode.Is(unicode.So, r) || unicode.Is(unicode.Me, r) || (r >= '\U0001f3fb' && r <= '\U0001f3ff')
}
