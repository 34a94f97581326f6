package provider

import (
	"context"
	"net/http"

	"github.com/deputy-oauth/deputy/consent"
)

// Fetch is Do for an answer that is read as it comes: it may take as long as ctx
// lasts. The caller closes its body.
func (c *Client) Fetch(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error) {
	resp, _, err := c.do(ctx, id, req, c.files)
	return resp, err
}
