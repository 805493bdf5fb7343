package auth

// A subject names one thing that acts, is acted on, or is ended: a kind, a
// colon and an id. The audit trail names actors and subjects in this form,
// peers keep a version for each key and session, and app_id in the token of a
// user names who minted it. Only these functions make one.

func keySubject(id string) string            { return "key:" + id }
func sessionSubject(id string) string        { return "session:" + id }
func userSubject(id string) string           { return "user:" + id }
func developerSubject(id string) string      { return "developer:" + id }
func applicationSubject(appID string) string { return "application:" + appID }
func signingKeySubject(id string) string     { return "signing_key:" + id }
func webhookSubject(id string) string        { return "webhook:" + id }
func invitationSubject(id string) string     { return "invitation:" + id }

// adminMinter names the developer who minted a user's token.
func adminMinter(developerID string) string { return "admin:" + developerID }

// pairingMinter names who made the pairing code of a user's token. Its id follows "invite:"
// as existing clients know it.
func pairingMinter(p *Principal) string {
	if p.Kind == DeveloperToken {
		return developerPairings(p.ID)
	}
	return keyPairings(p.ID)
}

func developerPairings(developerID string) string { return "invite:" + developerID }
func keyPairings(keyID string) string             { return "invite:" + keySubject(keyID) }

// Actors that have no id.
const (
	operatorActor  = "operator"  // at the command line
	anonymousActor = "anonymous" // a caller without a valid credential
)
