-- The API service lets predictions go once they are past their days, also where no recorder does: it is paused, or its model is off.
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT EXECUTE ON FUNCTION :"schema".maintain_prediction_days() TO :"role";
