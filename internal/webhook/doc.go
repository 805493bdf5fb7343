// Package webhook sends messages to the endpoints of developers, as the Standard
// Webhooks specification says: signed, at least once, again after a failure, and to
// no private network unless the operator allows that.
package webhook
