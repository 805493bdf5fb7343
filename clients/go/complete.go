package openwearables

// object returns the object of a response, or an error if the response lacks it or
// its id.
func object[T any](got *T, id string, err error) (*T, error) {
	return complete(got, id != "", err)
}

// complete returns a response that holds what its call returns.
func complete[T any](got *T, holds bool, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	if !holds {
		return nil, invalidResponse("the response lacks a part that the API always sends")
	}
	return got, nil
}
