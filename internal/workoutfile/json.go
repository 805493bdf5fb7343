package workoutfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// readJSON reads workouts as the API takes them: a list, an object with the member
// workouts, or one object after another.
func readJSON(r io.Reader, f yield) error {
	bounded := &recordBound{r: r, most: maxRecord}
	in := json.NewDecoder(bounded)
	for place := 1; ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var more bool
		switch token {
		case json.Delim('['):
			more, err = readArray(in, bounded, &place, f)
		case json.Delim('{'):
			more, err = readObject(in, bounded, &place, f)
		default:
			return errors.New("it must hold a list of workouts, or an object with the member workouts")
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it has no end: the file is cut off")
		}
		if err != nil || !more {
			return err
		}
	}
}

// readArray reads the items of a list to its end.
func readArray(in *json.Decoder, bounded *recordBound, place *int, f yield) (more bool, err error) {
	for in.More() {
		bounded.used = 0
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return false, err
		}
		if !one(raw, place, f) {
			return false, nil
		}
	}
	_, err = in.Token()
	return true, err
}

// readObject reads the rest of an object: one with the member workouts, or a workout.
func readObject(in *json.Decoder, bounded *recordBound, place *int, f yield) (more bool, err error) {
	bounded.used = 0
	members := map[string]json.RawMessage{}
	listed := false
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return false, err
		}
		if name == "workouts" {
			if token, err := in.Token(); err != nil || token != json.Delim('[') {
				return false, errors.Join(err, errors.New("its member workouts must be a list"))
			}
			listed, members = true, nil
			if more, err := readArray(in, bounded, place, f); err != nil || !more {
				return false, err
			}
			continue
		}
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return false, err
		}
		if !listed { // else it is no workout
			members[fmt.Sprint(name)] = raw
		}
	}
	if _, err := in.Token(); err != nil || listed {
		return true, err
	}
	raw, err := json.Marshal(members)
	return err == nil && one(raw, place, f), err
}

func one(raw []byte, place *int, f yield) bool {
	name := fmt.Sprintf("workout %d", *place)
	*place++
	w := &owv1.WorkoutInput{}
	if err := protojson.Unmarshal(raw, w); err != nil {
		return f(nil, &ItemError{name, fmt.Errorf("is no workout as the API takes it: %w", err)})
	}
	return f(w, nil)
}
