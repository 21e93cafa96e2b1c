package control

import (
	"context"

	"sigma/headend/config/text"
)

// RevisionText is Revision as the text that Export writes: without secrets.
func (s *Service) RevisionText(ctx context.Context, a Actor, id int64) ([]byte, error) {
	if err := s.allow(a, "RevisionText"); err != nil {
		return nil, err
	}
	_, c, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	b, err := text.Marshal(c.Redacted())
	if err != nil {
		return nil, unavailable(err)
	}
	return b, nil
}
