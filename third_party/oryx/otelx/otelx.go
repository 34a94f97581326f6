// Package otelx stands in for github.com/ory/x/otelx; see package errorsx for
// the reason.
package otelx

import (
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// End records *err, if there is one, and ends span. Use it with defer.
func End(span trace.Span, err *error) {
	if *err != nil {
		span.RecordError(*err)
		span.SetStatus(codes.Error, (*err).Error())
	}
	span.End()
}
