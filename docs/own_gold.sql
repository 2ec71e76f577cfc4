-- Gold from five tables that every platform has, as CSV files in data/mine. Put your columns in the place of ours; what you
-- do not know stays as it stands here. Run in the project's folder, as docs/tutorial.md says.

-- bookings.csv: id, guest_id, listing_id, arrival, departure, guests, total, status, booked_at, changed_at
create temp table bookings as from 'data/mine/bookings.csv';
-- listings.csv: id, host_id, city_id, title, type, price, max_guests, bedrooms, bathrooms, listed_on
create temp table listings as from 'data/mine/listings.csv';
-- guests.csv: id, country, is_business, signed_up_on
create temp table guests as from 'data/mine/guests.csv';
-- hosts.csv: id, country, joined_on
create temp table hosts as from 'data/mine/hosts.csv';
-- cities.csv: id, name, country
create temp table cities as from 'data/mine/cities.csv';

-- One version of each thing, since it came; with a history of prices write a row a price, from when until when it held.
copy (
    select
        cast(id as varchar) as property_key, id as property_id, host_id, city_id as destination_id, title,
        cast(null as varchar) as description, cast(price as double) as base_price, type as property_type, max_guests,
        bedrooms, bathrooms, cast(null as double) as property_latitude, cast(null as double) as property_longitude,
        cast(listed_on as date) as created_at, cast(listed_on as timestamp) as effective_from,
        cast(null as timestamp) as effective_to, true as is_current, cast(listed_on as timestamp) as record_created_timestamp,
        cast(current_date as timestamp) as record_updated_timestamp
    from listings
) to 'data/mine/dim_property.parquet';

-- No model reads names and addresses: what is not there cannot leak.
copy (
    select
        cast(id as varchar) as user_key, id as user_id, 'unknown' as email, 'unknown' as name, country,
        if(is_business, 'business', 'individual') as user_type, cast(is_business as boolean) as is_business,
        cast(null as varchar) as company_name, cast(signed_up_on as date) as created_at,
        cast(signed_up_on as timestamp) as effective_from, cast(null as timestamp) as effective_to, true as is_current,
        cast(signed_up_on as timestamp) as record_created_timestamp,
        cast(current_date as timestamp) as record_updated_timestamp
    from guests
) to 'data/mine/dim_user.parquet';

copy (
    select
        cast(id as varchar) as host_key, id as host_id, 'unknown' as name, 'unknown' as email, 'unknown' as phone,
        true as is_verified, true as is_active,
        -- today's rating was not known back then: where you have its history, write a row a rating, each with its days of effect
        cast(null as double) as rating, country, cast(joined_on as date) as joined_at,
        cast(joined_on as timestamp) as effective_from, cast(null as timestamp) as effective_to, true as is_current,
        cast(joined_on as timestamp) as record_created_timestamp, cast(current_date as timestamp) as record_updated_timestamp
    from hosts
) to 'data/mine/dim_host.parquet';

copy (
    select
        id as destination_id, name as destination, country, cast(null as varchar) as state_or_province,
        cast(null as varchar) as state_or_province_code, cast(null as varchar) as description,
        cast(current_date as timestamp) as record_created_timestamp,
        cast(current_date as timestamp) as record_updated_timestamp
    from cities
) to 'data/mine/dim_destination.parquet';

-- A cancelled booking has the moment of its cancellation in updated_at: before it nobody knew.
create temp table detail as
select
    bookings.id as booking_id, bookings.guest_id as user_id, listings.host_id, bookings.listing_id as property_id,
    listings.city_id as destination_id, cast(bookings.arrival as date) as check_in_date,
    cast(bookings.departure as date) as check_out_date, bookings.guests as guests_count,
    date_diff('day', bookings.arrival, bookings.departure) as nights_booked,
    cast(bookings.total as decimal(18, 2)) as total_amount, cast(null as decimal(18, 2)) as payment_amount,
    cast(null as varchar) as payment_method, bookings.status, cast(bookings.booked_at as timestamp) as created_at,
    cast(bookings.changed_at as timestamp) as updated_at,
    date_diff('day', cast(bookings.booked_at as date), cast(bookings.arrival as date)) as days_between_booking_and_checkin,
    bookings.status = 'cancelled' as is_cancelled, coalesce(guests.is_business, false) as is_business_booking,
    cast(bookings.booked_at as timestamp) as record_created_timestamp,
    cast(bookings.changed_at as timestamp) as record_updated_timestamp
from bookings
inner join listings on bookings.listing_id = listings.id
left join guests on bookings.guest_id = guests.id;

copy detail to 'data/mine/fact_booking_detail.parquet';

copy (
    select
        property_id, any_value(destination_id) as destination_id, check_in_date, count(*) as booking_count,
        count(*) filter (where status in ('confirmed', 'completed')) as confirmed_booking_count,
        count(*) filter (where is_cancelled) as cancellation_count,
        cast(sum(total_amount) as decimal(18, 2)) as total_booking_value,
        cast(avg(total_amount) as decimal(18, 2)) as avg_booking_value, sum(guests_count)::bigint as total_guests,
        cast(avg(nights_booked) as decimal(10, 2)) as avg_nights_booked,
        cast(0 as decimal(5, 2)) as payment_completion_rate, min(record_created_timestamp) as record_created_timestamp,
        max(record_updated_timestamp) as record_updated_timestamp
    from detail
    group by property_id, check_in_date
) to 'data/mine/fact_booking_daily.parquet';

-- Nothing is known of attention here: conversion will say that it cannot be learned.
copy (
    select
        cast(0 as bigint) as property_id, current_date as engagement_date, cast(0 as bigint) as view_count,
        cast(0 as bigint) as unique_user_views, cast(0 as bigint) as click_count, cast(0 as bigint) as search_count,
        cast(0 as decimal(5, 2)) as conversion_rate, cast(null as decimal(10, 2)) as avg_time_on_page,
        cast(current_date as timestamp) as record_created_timestamp,
        cast(current_date as timestamp) as record_updated_timestamp
    limit 0
) to 'data/mine/fact_property_engagement.parquet';

-- The calendar, from the first booking to two years after the last.
copy (
    select
        cast(day as date) as date, year(day) as year, quarter(day) as quarter, month(day) as month,
        monthname(day) as month_name, weekofyear(day) as week_of_year, isodow(day) as day_of_week,
        dayname(day) as day_of_week_name, dayofmonth(day) as day_of_month, dayofyear(day) as day_of_year,
        isodow(day) > 5 as is_weekend, cast(null as boolean) as is_holiday
    from (
        select unnest(generate_series(min(created_at)::date, (max(check_in_date) + interval 2 year)::date, interval 1 day)) as day
        from detail
    )
) to 'data/mine/dim_date.parquet';
