package notify

// ErrorKind says what kind of mistake an Error is.
type ErrorKind string

// Kinds of error.
const (
	Invalid     ErrorKind = "invalid"
	NotFound    ErrorKind = "not-found"
	Conflict    ErrorKind = "conflict"
	Unavailable ErrorKind = "unavailable"
)

// Error is told to who manages webhooks. Its text holds no secret.
type Error struct {
	Kind    ErrorKind
	Pointer string // of the member that is wrong, "" when it is none
	Detail  string
	Err     error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
