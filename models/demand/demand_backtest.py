def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import backtest

    return backtest(
        session,
        examples=dbt.ref("demand_examples"),
        decision=dbt.ref("demand_retraining"),
        versions=dbt.ref("demand_predictor"),
        experiments=dbt.ref("experiment_state"),
        settings=dbt.config.get("meta"),
    )
