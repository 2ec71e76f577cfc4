def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import backtest

    return backtest(
        session,
        examples=dbt.ref("cancellation_examples"),
        decision=dbt.ref("cancellation_retraining"),
        versions=dbt.ref("cancellation_predictor"),
        experiments=dbt.ref("experiment_state"),
        settings=dbt.config.get("meta"),
    )
