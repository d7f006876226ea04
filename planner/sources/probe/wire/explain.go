package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// Explain says in this program's own words why an exchange failed. It never repeats a text of a library or a server: these
// quote addresses, connection strings and whatever a server cares to answer.
func Explain(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrTooMuch):
		return "answered with more than the limit"
	case errors.Is(err, ErrDials):
		return "needed more connections than allowed"
	case errors.As(err, &unknown):
		return "has a certificate of an unknown authority"
	case errors.As(err, &host):
		return "has a certificate for another name"
	case errors.As(err, &invalid):
		return "has an invalid certificate"
	case errors.As(err, &verification):
		return "has a certificate that cannot be verified"
	case errors.As(err, &record):
		return "does not speak TLS"
	case errors.As(err, &alert):
		return "refused the TLS handshake"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused the connection"
	case errors.As(err, &dns):
		return "has a name that cannot be resolved"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "cannot be reached"
	case errors.Is(err, context.Canceled):
		return "was not asked: the collection was stopped"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "did not answer in time"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed the connection"
	}
	var own *Failure
	if errors.As(err, &own) {
		return own.What
	}
	return fmt.Sprintf("failed in an unforeseen way (%T)", innermost(err))
}

// Failure is an error whose text is written by this program alone and may be shown.
type Failure struct{ What string }

// Error implements error.
func (f *Failure) Error() string { return f.What }

// Fail returns a Failure. What continues a sentence that begins with an address: "answered with …".
func Fail(what string) error { return &Failure{what} }

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
